-- name: insert_if_new
INSERT INTO aliases (account, region, function, name, version, second, revision_id, document)
VALUES (:account, :region, :function, :name, :version, :second, :revision_id, :document)
ON CONFLICT DO NOTHING

-- name: version_exists
SELECT EXISTS (SELECT 1 FROM functions
               WHERE account = :account AND region = :region AND name = :function AND version = :version)

-- name: update_if_revision
UPDATE aliases
SET version = :version, second = :second, revision_id = :revision_id, document = :document
WHERE account = :account AND region = :region AND function = :function AND name = :name
  AND revision_id = :expected_revision_id

-- name: get
SELECT document FROM aliases
WHERE account = :account AND region = :region AND function = :function AND name = :name

-- name: after
SELECT document FROM aliases
WHERE account = :account AND region = :region AND function = :function AND name > :after
  AND (:of_version IS NULL OR version = :of_version OR second = :of_version)
ORDER BY name LIMIT :limit

-- name: delete
DELETE FROM aliases WHERE account = :account AND region = :region AND function = :function AND name = :name
