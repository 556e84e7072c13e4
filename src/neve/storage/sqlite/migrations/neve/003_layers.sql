-- Layer versions: `document` is the whole LayerVersion as JSON.
CREATE TABLE layer_versions (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    name               TEXT NOT NULL,
    number             INTEGER NOT NULL,
    code_sha256        TEXT NOT NULL,
    code_size          INTEGER NOT NULL,
    policy_revision_id TEXT,
    document           BLOB NOT NULL,
    PRIMARY KEY (account, region, name, number)
) STRICT;

CREATE INDEX layer_versions_code ON layer_versions (code_sha256);

-- The last number that was given to a version of a layer: numbers are never given twice.
CREATE TABLE layer_numbers (
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    name    TEXT NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;

-- The archives of the layers that a function version uses: they stay when the layer version is deleted.
CREATE TABLE function_layers (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    code_sha256 TEXT NOT NULL,
    PRIMARY KEY (account, region, name, version, code_sha256),
    FOREIGN KEY (account, region, name, version) REFERENCES functions ON DELETE CASCADE
) STRICT;

CREATE INDEX function_layers_code ON function_layers (code_sha256);

-- The name of what its layers give together, NULL without layers.
ALTER TABLE functions ADD COLUMN layers_key TEXT;

CREATE INDEX functions_layers ON functions (layers_key) WHERE layers_key IS NOT NULL;
