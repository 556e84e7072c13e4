-- Code signing configs: `document` is the whole CodeSigningConfig as JSON.
CREATE TABLE code_signing_configs (
    arn      TEXT NOT NULL PRIMARY KEY,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;

CREATE INDEX code_signing_configs_world ON code_signing_configs (account, region, arn);

-- The config of a function, with its $LATEST only. A config that is used stays.
ALTER TABLE functions ADD COLUMN code_signing_arn TEXT REFERENCES code_signing_configs (arn);

CREATE INDEX functions_code_signing ON functions (code_signing_arn, name) WHERE code_signing_arn IS NOT NULL;
