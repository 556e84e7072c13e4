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

-- name: provision
INSERT INTO provisioned_concurrency (account, region, name, qualifier, version, alias, executions, last_modified_ms)
VALUES (:account, :region, :name, :qualifier, :version, :alias, :executions, :last_modified_ms)
ON CONFLICT DO UPDATE SET executions = excluded.executions, last_modified_ms = excluded.last_modified_ms

-- name: provisioned
SELECT account, region, name, qualifier, executions, last_modified_ms FROM provisioned_concurrency
WHERE account = :account AND region = :region AND name = :name AND qualifier = :qualifier

-- name: unprovision
DELETE FROM provisioned_concurrency
WHERE account = :account AND region = :region AND name = :name AND qualifier = :qualifier

-- name: all_provisioned
SELECT account, region, name, qualifier, executions, last_modified_ms FROM provisioned_concurrency
WHERE (:account IS NULL OR account = :account) AND (:region IS NULL OR region = :region)
ORDER BY account, region, name, qualifier
