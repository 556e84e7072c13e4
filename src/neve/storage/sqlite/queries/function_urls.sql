-- name: insert_if_new
INSERT INTO function_urls (account, region, name, qualifier, version, alias, id, document)
VALUES (:account, :region, :name, :qualifier, :version, :alias, :id, :document)
ON CONFLICT (account, region, name, qualifier) DO NOTHING

-- name: update
UPDATE function_urls SET document = :document
WHERE account = :account AND region = :region AND name = :name AND qualifier = :qualifier AND id = :id

-- name: get
SELECT document FROM function_urls
WHERE account = :account AND region = :region AND name = :name AND qualifier = :qualifier

-- name: by_id
SELECT document FROM function_urls WHERE id = :id

-- name: after
SELECT document FROM function_urls
WHERE account = :account AND region = :region AND name = :name AND qualifier > :after
ORDER BY qualifier LIMIT :limit

-- name: delete
DELETE FROM function_urls
WHERE account = :account AND region = :region AND name = :name AND qualifier = :qualifier
