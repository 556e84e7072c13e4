-- name: insert
INSERT INTO code_signing_configs (arn, account, region, document) VALUES (:arn, :account, :region, :document)

-- name: update
UPDATE code_signing_configs SET document = :document WHERE arn = :arn

-- name: get
SELECT document FROM code_signing_configs WHERE arn = :arn AND account = :account AND region = :region

-- name: after
SELECT document FROM code_signing_configs
WHERE account = :account AND region = :region AND arn > :after
ORDER BY arn LIMIT :limit

-- name: delete
DELETE FROM code_signing_configs WHERE arn = :arn AND account = :account AND region = :region

-- name: functions
SELECT name FROM functions
WHERE code_signing_arn = :arn AND name > :after
ORDER BY name LIMIT :limit
