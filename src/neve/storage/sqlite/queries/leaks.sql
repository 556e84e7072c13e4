-- name: put
INSERT INTO leaks (id, account, region, function_name, at_ms, pending, document)
VALUES (:id, :account, :region, :function_name, :at_ms, :pending, :document)
ON CONFLICT (id) DO UPDATE SET pending = excluded.pending, document = excluded.document

-- name: trim
DELETE FROM leaks
WHERE function_name = :function_name
  AND at_ms < (SELECT at_ms FROM leaks WHERE function_name = :function_name ORDER BY at_ms DESC LIMIT 1 OFFSET :most)

-- name: of_all
SELECT document FROM leaks ORDER BY at_ms DESC LIMIT :limit

-- name: of_function
SELECT document FROM leaks WHERE function_name = :function_name ORDER BY at_ms DESC LIMIT :limit

-- name: pending
SELECT document FROM leaks WHERE pending = 1

-- name: insert_line
INSERT INTO left_over_lines (account, region, function_name, time_ms, digest, left_over_from, request_id)
VALUES (:account, :region, :function_name, :time_ms, :digest, :left_over_from, :request_id)

-- name: trim_lines
DELETE FROM left_over_lines
WHERE function_name = :function_name
  AND time_ms < (SELECT time_ms FROM left_over_lines WHERE function_name = :function_name
                 ORDER BY time_ms DESC LIMIT 1 OFFSET :most)

-- name: lines_since
SELECT account, region, time_ms, digest, left_over_from, request_id FROM left_over_lines
WHERE function_name = :function_name AND time_ms >= :since_ms ORDER BY time_ms

-- name: insert_diagnosis
INSERT INTO diagnoses (account, region, function_name, at_ms, document)
VALUES (:account, :region, :function_name, :at_ms, :document)

-- name: trim_diagnoses
DELETE FROM diagnoses
WHERE function_name = :function_name
  AND at_ms < (SELECT at_ms FROM diagnoses WHERE function_name = :function_name ORDER BY at_ms DESC LIMIT 1 OFFSET :most)

-- name: diagnoses_of_all
SELECT document FROM diagnoses ORDER BY at_ms DESC LIMIT :limit

-- name: diagnoses_of_function
SELECT document FROM diagnoses WHERE function_name = :function_name ORDER BY at_ms DESC LIMIT :limit
