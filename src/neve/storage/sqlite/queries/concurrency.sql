-- name: reserve
INSERT INTO reserved_concurrency (account, region, name, executions)
SELECT account, region, name, :executions
FROM functions
WHERE account = :account AND region = :region AND name = :name AND version = '$LATEST'
ON CONFLICT DO UPDATE SET executions = excluded.executions

-- name: reserved
SELECT executions FROM reserved_concurrency
WHERE account = :account AND region = :region AND name = :name

-- name: unreserve
DELETE FROM reserved_concurrency
WHERE account = :account AND region = :region AND name = :name

-- name: all_reserved
SELECT account, region, name, executions FROM reserved_concurrency
WHERE (:account IS NULL OR account = :account) AND (:region IS NULL OR region = :region)
ORDER BY account, region, name
