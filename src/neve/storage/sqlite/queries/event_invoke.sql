-- name: put
INSERT INTO event_invoke_configs (account, region, name, qualifier, version, alias,
                                  last_modified_ms, retries, maximum_age_s, on_success, on_failure)
VALUES (:account, :region, :name, :qualifier, :version, :alias,
        :last_modified_ms, :retries, :maximum_age_s, :on_success, :on_failure)
ON CONFLICT DO UPDATE
SET last_modified_ms = excluded.last_modified_ms, retries = excluded.retries, maximum_age_s = excluded.maximum_age_s,
    on_success = excluded.on_success, on_failure = excluded.on_failure

-- name: of_function
SELECT qualifier, last_modified_ms, retries, maximum_age_s, on_success, on_failure FROM event_invoke_configs
WHERE account = :account AND region = :region AND name = :name
ORDER BY qualifier

-- name: delete
DELETE FROM event_invoke_configs
WHERE account = :account AND region = :region AND name = :name AND qualifier = :qualifier
