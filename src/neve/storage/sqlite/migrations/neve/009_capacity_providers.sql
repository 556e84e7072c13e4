-- Capacity providers: `document` is the whole CapacityProvider as JSON.
CREATE TABLE capacity_providers (
    arn      TEXT NOT NULL PRIMARY KEY,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;

CREATE INDEX capacity_providers_world ON capacity_providers (account, region, arn);

-- What a function version is to run on. A provider that is used stays.
ALTER TABLE functions ADD COLUMN capacity_provider_arn TEXT REFERENCES capacity_providers (arn);

CREATE INDEX functions_capacity_providers ON functions (capacity_provider_arn, name, number)
    WHERE capacity_provider_arn IS NOT NULL;
