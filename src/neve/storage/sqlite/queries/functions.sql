-- name: insert_if_new
INSERT INTO functions (account, region, name, version, number, revision_id, state, last_update_status,
                       code_sha256, code_size, layers_key, code_signing_arn, capacity_provider_arn, runtime, memory_mb,
                       last_modified_ms, document)
SELECT :account, :region, :name, :version, :number, :revision_id, :state, :last_update_status,
       :code_sha256, :code_size, :layers_key, :code_signing_arn, :capacity_provider_arn, :runtime, :memory_mb,
       :last_modified_ms, :document
WHERE NOT EXISTS (SELECT 1 FROM functions WHERE account = :account AND region = :region AND name = :name)

-- name: insert_version
INSERT INTO functions (account, region, name, version, number, revision_id, state, last_update_status,
                       code_sha256, code_size, layers_key, capacity_provider_arn, runtime, memory_mb,
                       last_modified_ms, document)
SELECT :account, :region, :name, :version, :number, :revision_id, :state, :last_update_status,
       :code_sha256, :code_size, :layers_key, :capacity_provider_arn, :runtime, :memory_mb,
       :last_modified_ms, :document
WHERE EXISTS (SELECT 1 FROM functions
              WHERE account = :account AND region = :region AND name = :name AND version = '$LATEST')

-- name: give_number_if_next
INSERT INTO version_numbers (account, region, name, last)
SELECT :account, :region, :name, :number
WHERE :number = 1 OR EXISTS (SELECT 1 FROM version_numbers
                             WHERE account = :account AND region = :region AND name = :name)
ON CONFLICT DO UPDATE SET last = excluded.last WHERE last = excluded.last - 1

-- name: last_number
SELECT last FROM version_numbers WHERE account = :account AND region = :region AND name = :name

-- name: update_if_revision
UPDATE functions
SET revision_id = :revision_id, state = :state, last_update_status = :last_update_status,
    code_sha256 = :code_sha256, code_size = :code_size, layers_key = :layers_key,
    code_signing_arn = :code_signing_arn, capacity_provider_arn = :capacity_provider_arn,
    runtime = :runtime, memory_mb = :memory_mb, last_modified_ms = :last_modified_ms, document = :document
WHERE account = :account AND region = :region AND name = :name AND version = :version
  AND revision_id = :expected_revision_id

-- name: forget_layers
DELETE FROM function_layers
WHERE account = :account AND region = :region AND name = :name AND version = :version

-- name: remember_layers
INSERT OR IGNORE INTO function_layers (account, region, name, version, code_sha256)
SELECT :account, :region, :name, :version, value FROM json_each(:layers)

-- name: get
SELECT document FROM functions
WHERE account = :account AND region = :region AND name = :name AND version = :version

-- name: latest_after
SELECT document FROM functions
WHERE account = :account AND region = :region AND version = '$LATEST' AND name > :after
ORDER BY name LIMIT :limit

-- name: all_after
SELECT document FROM functions
WHERE account = :account AND region = :region AND (name, number) > (:after, :after_number)
ORDER BY name, number LIMIT :limit

-- name: versions_after
SELECT document FROM functions
WHERE account = :account AND region = :region AND name = :name AND number > :after_number
ORDER BY number LIMIT :limit

-- name: pending
SELECT document FROM functions
WHERE state = 'Pending' OR last_update_status = 'InProgress'
ORDER BY account, region, name, version

-- name: delete
DELETE FROM functions WHERE account = :account AND region = :region AND name = :name
RETURNING document

-- name: delete_aliases_of
DELETE FROM aliases WHERE account = :account AND region = :region AND function = :name

-- name: delete_version
DELETE FROM functions
WHERE account = :account AND region = :region AND name = :name AND version = :version AND number > 0

-- name: aliases_of_version
SELECT name FROM aliases
WHERE account = :account AND region = :region AND function = :name AND (version = :version OR second = :version)
ORDER BY name

-- name: usage
SELECT code_size, functions FROM code_usage WHERE account = :account AND region = :region

-- name: runtimes_in_use
SELECT runtime, memory_mb FROM runtimes_in_use ORDER BY last_modified_ms DESC LIMIT :limit

-- name: code_in_use
SELECT EXISTS (SELECT 1 FROM functions WHERE code_sha256 = :code_sha256)
    OR EXISTS (SELECT 1 FROM function_layers WHERE code_sha256 = :code_sha256)
    OR EXISTS (SELECT 1 FROM layer_versions WHERE code_sha256 = :code_sha256)

-- name: layers_in_use
SELECT EXISTS (SELECT 1 FROM functions WHERE layers_key = :layers_key)

-- name: code_signing_exists
SELECT 1 FROM code_signing_configs WHERE arn = :code_signing_arn
