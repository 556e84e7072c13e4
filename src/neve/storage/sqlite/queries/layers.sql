-- name: give_number_if_next
INSERT INTO layer_numbers (account, region, name, last)
SELECT :account, :region, :name, :number
WHERE :number = 1 OR EXISTS (SELECT 1 FROM layer_numbers
                             WHERE account = :account AND region = :region AND name = :name)
ON CONFLICT DO UPDATE SET last = excluded.last WHERE last = excluded.last - 1

-- name: last_number
SELECT last FROM layer_numbers WHERE account = :account AND region = :region AND name = :name

-- name: insert
INSERT INTO layer_versions (account, region, name, number, code_sha256, code_size, policy_revision_id, document)
VALUES (:account, :region, :name, :number, :code_sha256, :code_size, :policy_revision_id, :document)

-- name: get
SELECT document FROM layer_versions
WHERE account = :account AND region = :region AND name = :name AND number = :number

-- name: update_if_policy_revision
UPDATE layer_versions SET policy_revision_id = :policy_revision_id, document = :document
WHERE account = :account AND region = :region AND name = :name AND number = :number
  AND policy_revision_id IS :expected_revision_id

-- name: delete
DELETE FROM layer_versions
WHERE account = :account AND region = :region AND name = :name AND number = :number

-- name: versions_before
SELECT document FROM layer_versions AS each
WHERE account = :account AND region = :region AND name = :name AND number < :before
  AND (:runtime IS NULL OR EXISTS (
    SELECT 1 FROM json_each(CAST(each.document AS TEXT), '$.compatible_runtimes') WHERE value = :runtime))
  AND (:architecture IS NULL OR EXISTS (
    SELECT 1 FROM json_each(CAST(each.document AS TEXT), '$.compatible_architectures') WHERE value = :architecture))
ORDER BY number DESC LIMIT :limit

-- name: newest_after
SELECT each.document FROM layer_versions AS each
WHERE each.account = :account AND each.region = :region AND each.name > :after
  AND each.number = (
    SELECT newest.number FROM layer_versions AS newest
    WHERE newest.account = each.account AND newest.region = each.region AND newest.name = each.name
      AND (:runtime IS NULL OR EXISTS (
        SELECT 1 FROM json_each(CAST(newest.document AS TEXT), '$.compatible_runtimes') WHERE value = :runtime))
      AND (:architecture IS NULL OR EXISTS (
        SELECT 1 FROM json_each(CAST(newest.document AS TEXT), '$.compatible_architectures')
        WHERE value = :architecture))
    ORDER BY newest.number DESC LIMIT 1)
ORDER BY each.name LIMIT :limit
