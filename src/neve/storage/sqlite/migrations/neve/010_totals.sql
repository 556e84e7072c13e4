-- What is asked for often and would take longer with every function: kept up by the writes themselves.

-- The code of all versions and layers of a world, in bytes of their archives, and how many functions it has.
CREATE TABLE code_usage (
    account   TEXT NOT NULL,
    region    TEXT NOT NULL,
    code_size INTEGER NOT NULL,
    functions INTEGER NOT NULL,
    PRIMARY KEY (account, region)
) STRICT;

INSERT INTO code_usage (account, region, code_size, functions)
SELECT account, region, sum(code_size), sum(functions)
FROM (SELECT account, region, code_size, version = '$LATEST' AS functions FROM functions
      UNION ALL SELECT account, region, code_size, 0 FROM layer_versions)
GROUP BY account, region;

CREATE TRIGGER functions_usage_insert AFTER INSERT ON functions BEGIN
    INSERT INTO code_usage (account, region, code_size, functions)
    VALUES (NEW.account, NEW.region, NEW.code_size, NEW.version = '$LATEST')
    ON CONFLICT DO UPDATE SET code_size = code_size + excluded.code_size, functions = functions + excluded.functions;
END;

CREATE TRIGGER functions_usage_update AFTER UPDATE OF code_size ON functions BEGIN
    UPDATE code_usage SET code_size = code_size + NEW.code_size - OLD.code_size
    WHERE account = NEW.account AND region = NEW.region;
END;

CREATE TRIGGER functions_usage_delete AFTER DELETE ON functions BEGIN
    UPDATE code_usage SET code_size = code_size - OLD.code_size, functions = functions - (OLD.version = '$LATEST')
    WHERE account = OLD.account AND region = OLD.region;
END;

CREATE TRIGGER layers_usage_insert AFTER INSERT ON layer_versions BEGIN
    INSERT INTO code_usage (account, region, code_size, functions)
    VALUES (NEW.account, NEW.region, NEW.code_size, 0)
    ON CONFLICT DO UPDATE SET code_size = code_size + excluded.code_size;
END;

CREATE TRIGGER layers_usage_delete AFTER DELETE ON layer_versions BEGIN
    UPDATE code_usage SET code_size = code_size - OLD.code_size
    WHERE account = OLD.account AND region = OLD.region;
END;

DROP INDEX functions_usage;

-- How many functions have a runtime and a memory size, and when one of them was last changed.
ALTER TABLE functions ADD COLUMN runtime TEXT NOT NULL DEFAULT '';

ALTER TABLE functions ADD COLUMN memory_mb INTEGER NOT NULL DEFAULT 0;

ALTER TABLE functions ADD COLUMN last_modified_ms INTEGER NOT NULL DEFAULT 0;

UPDATE functions
SET runtime = coalesce(json_extract(CAST(document AS TEXT), '$.runtime'), ''),
    memory_mb = coalesce(json_extract(CAST(document AS TEXT), '$.memory_mb'), 0),
    last_modified_ms = coalesce(json_extract(CAST(document AS TEXT), '$.last_modified_ms'), 0)
WHERE json_valid(CAST(document AS TEXT));

CREATE TABLE runtimes_in_use (
    runtime          TEXT NOT NULL,
    memory_mb        INTEGER NOT NULL,
    functions        INTEGER NOT NULL,
    last_modified_ms INTEGER NOT NULL,
    PRIMARY KEY (runtime, memory_mb)
) STRICT;

INSERT INTO runtimes_in_use (runtime, memory_mb, functions, last_modified_ms)
SELECT runtime, memory_mb, count(*), max(last_modified_ms) FROM functions WHERE version = '$LATEST' GROUP BY 1, 2;

CREATE TRIGGER functions_runtimes_insert AFTER INSERT ON functions WHEN NEW.version = '$LATEST' BEGIN
    INSERT INTO runtimes_in_use (runtime, memory_mb, functions, last_modified_ms)
    VALUES (NEW.runtime, NEW.memory_mb, 1, NEW.last_modified_ms)
    ON CONFLICT DO UPDATE
    SET functions = functions + 1, last_modified_ms = max(last_modified_ms, excluded.last_modified_ms);
END;

CREATE TRIGGER functions_runtimes_delete AFTER DELETE ON functions WHEN OLD.version = '$LATEST' BEGIN
    UPDATE runtimes_in_use SET functions = functions - 1 WHERE runtime = OLD.runtime AND memory_mb = OLD.memory_mb;
    DELETE FROM runtimes_in_use WHERE runtime = OLD.runtime AND memory_mb = OLD.memory_mb AND functions = 0;
END;

CREATE TRIGGER functions_runtimes_update AFTER UPDATE OF runtime, memory_mb, last_modified_ms ON functions
WHEN NEW.version = '$LATEST' BEGIN
    INSERT INTO runtimes_in_use (runtime, memory_mb, functions, last_modified_ms)
    VALUES (NEW.runtime, NEW.memory_mb, 1, NEW.last_modified_ms)
    ON CONFLICT DO UPDATE
    SET functions = functions + 1, last_modified_ms = max(last_modified_ms, excluded.last_modified_ms);
    UPDATE runtimes_in_use SET functions = functions - 1 WHERE runtime = OLD.runtime AND memory_mb = OLD.memory_mb;
    DELETE FROM runtimes_in_use WHERE runtime = OLD.runtime AND memory_mb = OLD.memory_mb AND functions = 0;
END;
