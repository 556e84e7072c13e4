-- Function URLs, of a function or of an alias: `qualifier` is `$LATEST` or the alias. `document` is the whole FunctionUrl as JSON.
CREATE TABLE function_urls (
    account   TEXT NOT NULL,
    region    TEXT NOT NULL,
    name      TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    version   TEXT CHECK (version = '$LATEST'),
    alias     TEXT,
    id        TEXT NOT NULL UNIQUE,
    document  BLOB NOT NULL,
    PRIMARY KEY (account, region, name, qualifier),
    CHECK (qualifier = coalesce(version, alias) AND (version IS NULL) <> (alias IS NULL)),
    FOREIGN KEY (account, region, name, version) REFERENCES functions ON DELETE CASCADE,
    FOREIGN KEY (account, region, name, alias) REFERENCES aliases (account, region, function, name) ON DELETE CASCADE
) STRICT;

CREATE INDEX function_urls_versions ON function_urls (account, region, name, version);

CREATE INDEX function_urls_aliases ON function_urls (account, region, name, alias);
