-- What functions set for their events, by qualifier: the `version` or the `alias`, whichever of the two there is.
CREATE TABLE event_invoke_configs (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    name             TEXT NOT NULL,
    qualifier        TEXT NOT NULL,
    version          TEXT,
    alias            TEXT,
    last_modified_ms INTEGER NOT NULL,
    retries          INTEGER,
    maximum_age_s    INTEGER,
    on_success       TEXT,
    on_failure       TEXT,
    PRIMARY KEY (account, region, name, qualifier),
    CHECK (qualifier = coalesce(version, alias) AND (version IS NULL) <> (alias IS NULL)),
    FOREIGN KEY (account, region, name, version) REFERENCES functions ON DELETE CASCADE,
    FOREIGN KEY (account, region, name, alias) REFERENCES aliases (account, region, function, name) ON DELETE CASCADE
) STRICT;

CREATE INDEX event_invoke_configs_versions ON event_invoke_configs (account, region, name, version);

CREATE INDEX event_invoke_configs_aliases ON event_invoke_configs (account, region, name, alias);

-- The dead-letter queue was a member that was only kept; now it is one of the function.
UPDATE functions
SET document = CAST(json_set(
    json_remove(CAST(document AS TEXT), '$.extra.DeadLetterConfig'),
    '$.dead_letter_arn', nullif(json_extract(CAST(document AS TEXT), '$.extra.DeadLetterConfig.TargetArn'), '')
) AS BLOB)
WHERE json_extract(CAST(document AS TEXT), '$.extra.DeadLetterConfig') IS NOT NULL;
