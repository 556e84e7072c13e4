-- Event source mappings: `document` is the whole EventSourceMapping as JSON. They outlive their functions.
CREATE TABLE event_source_mappings (
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    uuid         TEXT NOT NULL,
    function_arn TEXT NOT NULL,
    source_arn   TEXT,
    document     BLOB NOT NULL,
    PRIMARY KEY (account, region, uuid)
) STRICT;

CREATE INDEX event_source_mappings_functions ON event_source_mappings (account, region, function_arn, uuid);

CREATE INDEX event_source_mappings_sources ON event_source_mappings (account, region, source_arn, uuid);
