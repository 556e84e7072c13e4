-- name: put
INSERT INTO event_source_mappings (account, region, uuid, function_arn, source_arn, document)
VALUES (:account, :region, :uuid, :function_arn, :source_arn, :document)
ON CONFLICT DO UPDATE SET function_arn = excluded.function_arn, document = excluded.document

-- name: get
SELECT document FROM event_source_mappings WHERE account = :account AND region = :region AND uuid = :uuid

-- name: after
SELECT document FROM event_source_mappings
WHERE account = :account AND region = :region AND uuid > :after
ORDER BY uuid LIMIT :limit

-- name: of_function_after
SELECT document FROM event_source_mappings
WHERE account = :account AND region = :region AND function_arn = :function_arn AND uuid > :after
ORDER BY uuid LIMIT :limit

-- name: of_source_after
SELECT document FROM event_source_mappings
WHERE account = :account AND region = :region AND source_arn = :source_arn AND uuid > :after
  AND (:function_arn IS NULL OR function_arn = :function_arn)
ORDER BY uuid LIMIT :limit

-- name: of_function
SELECT document FROM event_source_mappings
WHERE account = :account AND region = :region AND function_arn = :function_arn AND uuid <> :uuid

-- name: delete
DELETE FROM event_source_mappings WHERE account = :account AND region = :region AND uuid = :uuid
