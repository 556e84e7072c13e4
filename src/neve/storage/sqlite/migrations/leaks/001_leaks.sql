-- What the leak watch has found. `document` is the whole record as JSON; the other columns repeat what queries ask for, and
-- are written together with it. Every table is bounded: the newest of a function stay.
CREATE TABLE leaks (
    id            TEXT NOT NULL PRIMARY KEY,
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    function_name TEXT NOT NULL,
    at_ms         INTEGER NOT NULL,
    pending       INTEGER NOT NULL,
    document      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX leaks_by_time ON leaks (at_ms);

CREATE INDEX leaks_by_function ON leaks (function_name, at_ms);

CREATE INDEX leaks_pending ON leaks (id) WHERE pending = 1;

-- Lines that left-over work wrote into the log of another invocation, by the SHA-256 of their text.
CREATE TABLE left_over_lines (
    id             INTEGER PRIMARY KEY,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    function_name  TEXT NOT NULL,
    time_ms        INTEGER NOT NULL,
    digest         TEXT NOT NULL,
    left_over_from TEXT NOT NULL,
    request_id     TEXT
) STRICT;

CREATE INDEX left_over_lines_by_function ON left_over_lines (function_name, time_ms);

-- What an invocation that ran out of time was doing.
CREATE TABLE diagnoses (
    id            INTEGER PRIMARY KEY,
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    function_name TEXT NOT NULL,
    at_ms         INTEGER NOT NULL,
    document      BLOB NOT NULL
) STRICT;

CREATE INDEX diagnoses_by_time ON diagnoses (at_ms);

CREATE INDEX diagnoses_by_function ON diagnoses (function_name, at_ms);
