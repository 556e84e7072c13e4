-- Ids are never used again (AUTOINCREMENT): what is left of a deleted group can never belong to a new one, and event ids
-- grow with ingestion.
CREATE TABLE log_groups (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    created_ms     INTEGER NOT NULL,
    retention_days INTEGER,
    stored_bytes   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, region, name)
) STRICT;

CREATE TABLE log_streams (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id          INTEGER NOT NULL,
    name              TEXT NOT NULL,
    created_ms        INTEGER NOT NULL,
    first_event_ms    INTEGER,
    last_event_ms     INTEGER,
    last_ingestion_ms INTEGER,
    stored_bytes      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (group_id, name)
) STRICT;

CREATE INDEX log_streams_by_last_event ON log_streams (group_id, last_event_ms, name);

CREATE TABLE log_events (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id     INTEGER NOT NULL,
    stream_id    INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    ingestion_ms INTEGER NOT NULL,
    message      TEXT NOT NULL
) STRICT;

-- The order of every read. The stream is in the first index too, so that a choice of streams is made without the rows.
CREATE INDEX log_events_by_group ON log_events (group_id, timestamp_ms, id, stream_id);
CREATE INDEX log_events_by_stream ON log_events (stream_id, timestamp_ms, id);

-- Streams that were deleted and whose events are still to be removed, a slice at a time.
CREATE TABLE deleted_log_streams (stream_id INTEGER PRIMARY KEY) STRICT;
