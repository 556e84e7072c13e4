-- name: insert_if_new
INSERT INTO functions (account, region, name, version, revision_id, state, last_update_status,
                       code_sha256, code_size, document)
SELECT :account, :region, :name, :version, :revision_id, :state, :last_update_status,
       :code_sha256, :code_size, :document
WHERE NOT EXISTS (SELECT 1 FROM functions WHERE account = :account AND region = :region AND name = :name)

-- name: update_if_revision
UPDATE functions
SET revision_id = :revision_id, state = :state, last_update_status = :last_update_status,
    code_sha256 = :code_sha256, code_size = :code_size, document = :document
WHERE account = :account AND region = :region AND name = :name AND version = :version
  AND revision_id = :expected_revision_id

-- name: get
SELECT document FROM functions
WHERE account = :account AND region = :region AND name = :name AND version = :version

-- name: latest_after
SELECT document FROM functions
WHERE account = :account AND region = :region AND version = '$LATEST' AND name > :after
ORDER BY name LIMIT :limit

-- name: pending
SELECT document FROM functions
WHERE state = 'Pending' OR last_update_status = 'InProgress'
ORDER BY account, region, name, version

-- name: delete
DELETE FROM functions WHERE account = :account AND region = :region AND name = :name

-- name: usage
SELECT coalesce(sum(code_size), 0), coalesce(sum(version = '$LATEST'), 0)
FROM functions WHERE account = :account AND region = :region

-- name: code_in_use
SELECT EXISTS (SELECT 1 FROM functions WHERE code_sha256 = :code_sha256)
