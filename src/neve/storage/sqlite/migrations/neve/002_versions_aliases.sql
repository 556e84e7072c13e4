-- Published versions: `number` orders the versions of a function, 0 is $LATEST.
ALTER TABLE functions ADD COLUMN number INTEGER NOT NULL DEFAULT 0;

CREATE INDEX functions_versions ON functions (account, region, name, number);

-- The last number that was given under a name. It outlives the function: numbers are never given twice.
CREATE TABLE version_numbers (
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    name    TEXT NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;

-- Names that point to a version, or to two with weights. `document` is the whole Alias as JSON.
CREATE TABLE aliases (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    function    TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    second      TEXT,
    revision_id TEXT NOT NULL,
    document    BLOB NOT NULL,
    PRIMARY KEY (account, region, function, name)
) STRICT;
