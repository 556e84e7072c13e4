-- name: all
SELECT id, account, name, description, created_ms, enabled, policy, used_ms, used_service, used_region, sealed
FROM access_keys ORDER BY created_ms, id

-- name: insert
INSERT INTO access_keys (id, account, name, description, created_ms, enabled, policy, sealed)
VALUES (:id, :account, :name, :description, :created_ms, :enabled, :policy, :sealed)

-- name: update
UPDATE access_keys SET name = :name, description = :description, enabled = :enabled, policy = :policy WHERE id = :id

-- name: use
UPDATE access_keys SET used_ms = :at_ms, used_service = :service, used_region = :region WHERE id = :id

-- name: seal
UPDATE access_keys SET sealed = :sealed WHERE id = :id

-- name: delete
DELETE FROM access_keys WHERE id = :id
