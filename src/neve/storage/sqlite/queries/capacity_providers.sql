-- name: insert_if_new
INSERT INTO capacity_providers (arn, account, region, document) VALUES (:arn, :account, :region, :document)
ON CONFLICT DO NOTHING

-- name: update
UPDATE capacity_providers SET document = :document WHERE arn = :arn

-- name: get
SELECT document FROM capacity_providers WHERE arn = :arn

-- name: after
SELECT document FROM capacity_providers
WHERE account = :account AND region = :region AND arn > :after
ORDER BY arn LIMIT :limit

-- name: delete
DELETE FROM capacity_providers WHERE arn = :arn

-- name: functions
SELECT document FROM functions
WHERE capacity_provider_arn = :arn AND (name, number) > (:after, :after_number)
ORDER BY name, number LIMIT :limit
