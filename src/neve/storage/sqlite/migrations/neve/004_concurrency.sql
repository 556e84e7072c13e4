-- What functions have reserved, and what their versions and aliases have provisioned. Each goes with what it is of.
CREATE TABLE reserved_concurrency (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL DEFAULT '$LATEST' CHECK (version = '$LATEST'),
    executions INTEGER NOT NULL,
    PRIMARY KEY (account, region, name),
    FOREIGN KEY (account, region, name, version) REFERENCES functions ON DELETE CASCADE
) STRICT;

-- `qualifier` is the `version` or the `alias`, whichever of the two there is.
CREATE TABLE provisioned_concurrency (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    name             TEXT NOT NULL,
    qualifier        TEXT NOT NULL,
    version          TEXT,
    alias            TEXT,
    executions       INTEGER NOT NULL,
    last_modified_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name, qualifier),
    CHECK (qualifier = coalesce(version, alias) AND (version IS NULL) <> (alias IS NULL)),
    FOREIGN KEY (account, region, name, version) REFERENCES functions ON DELETE CASCADE,
    FOREIGN KEY (account, region, name, alias) REFERENCES aliases (account, region, function, name) ON DELETE CASCADE
) STRICT;

CREATE INDEX provisioned_concurrency_versions ON provisioned_concurrency (account, region, name, version);

CREATE INDEX provisioned_concurrency_aliases ON provisioned_concurrency (account, region, name, alias);
