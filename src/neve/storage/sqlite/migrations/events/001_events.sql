-- The events of one function are a lane: everything that is hot is found by lane and time, in one small B-tree. Payloads are
-- apart, so that they are written once, however often the event is moved to a later time.
CREATE TABLE lanes (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    function_name TEXT NOT NULL,
    UNIQUE (account, region, function_name)
) STRICT;

CREATE TABLE events (
    lane            INTEGER NOT NULL,
    due_ms          INTEGER NOT NULL,
    id              INTEGER NOT NULL,
    request_id      TEXT NOT NULL,
    qualifier       TEXT,
    trace_header    TEXT NOT NULL,
    accepted_ms     REAL NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    setbacks        INTEGER NOT NULL DEFAULT 0,
    refusal_cause   TEXT,
    refusal_status  INTEGER,
    refusal_message TEXT,
    PRIMARY KEY (lane, due_ms, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payloads (
    id      INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
) STRICT;

-- What the last run of an event gave, which failed.
CREATE TABLE last_runs (
    id               INTEGER PRIMARY KEY,
    executed_version TEXT NOT NULL,
    payload          BLOB NOT NULL
) STRICT;

-- The outbox. The messages to one target are a lane too.
CREATE TABLE targets (
    id  INTEGER PRIMARY KEY AUTOINCREMENT,
    arn TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE deliveries (
    target        INTEGER NOT NULL,
    due_ms        INTEGER NOT NULL,
    id            INTEGER NOT NULL,
    lane          INTEGER NOT NULL,
    delivery_id   TEXT NOT NULL,
    kind          TEXT NOT NULL,
    function_arn  TEXT NOT NULL,
    request_id    TEXT NOT NULL,
    trace_header  TEXT NOT NULL,
    made_ms       REAL NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    error_code    INTEGER,
    error_message TEXT,
    PRIMARY KEY (target, due_ms, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE bodies (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- What became of a lane's events since the beginning, and how many messages of it are in the outbox.
CREATE TABLE tallies (
    lane  INTEGER NOT NULL,
    word  TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (lane, word)
) STRICT, WITHOUT ROWID;

-- Events that failed for good, in the order in which they did, for a while.
CREATE TABLE dropped (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    lane        INTEGER NOT NULL,
    request_id  TEXT NOT NULL,
    qualifier   TEXT,
    condition   TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    error       TEXT NOT NULL,
    accepted_ms REAL NOT NULL,
    ended_ms    REAL NOT NULL
) STRICT;

CREATE INDEX dropped_by_lane ON dropped (lane, id);
