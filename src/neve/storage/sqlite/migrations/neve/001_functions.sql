-- One row for each version of each function. `document` is the whole Function as JSON; the other columns repeat what
-- queries ask for, and are written together with it.
CREATE TABLE functions (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    name               TEXT NOT NULL,
    version            TEXT NOT NULL,
    revision_id        TEXT NOT NULL,
    state              TEXT NOT NULL,
    last_update_status TEXT,
    code_sha256        TEXT NOT NULL,
    code_size          INTEGER NOT NULL,
    document           BLOB NOT NULL,
    PRIMARY KEY (account, region, name, version)
) STRICT;

CREATE INDEX functions_latest ON functions (account, region, name) WHERE version = '$LATEST';

CREATE INDEX functions_pending ON functions (account)
    WHERE state = 'Pending' OR last_update_status = 'InProgress';

CREATE INDEX functions_code ON functions (code_sha256);

CREATE INDEX functions_usage ON functions (account, region, version, code_size);
