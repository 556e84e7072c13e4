-- name: lane
SELECT id FROM lanes WHERE account = :account AND region = :region AND function_name = :function_name

-- name: insert_lane
INSERT INTO lanes (account, region, function_name) VALUES (:account, :region, :function_name)

-- name: insert_event
INSERT INTO events (lane, due_ms, id, request_id, qualifier, trace_header, accepted_ms) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: insert_payload
INSERT INTO payloads (id, payload) VALUES (?, ?)

-- name: busy_lanes
SELECT account, region, function_name FROM lanes
WHERE EXISTS (SELECT 1 FROM events WHERE events.lane = lanes.id)

-- name: in_order
SELECT due_ms, id, request_id, qualifier, trace_header, accepted_ms, attempts, setbacks,
       refusal_cause, refusal_status, refusal_message
FROM events
WHERE lane = :lane
ORDER BY due_ms, id

-- name: payload
SELECT payload FROM payloads WHERE id = :id

-- name: last_run
SELECT payload, executed_version FROM last_runs WHERE id = :id

-- name: some
SELECT due_ms, id FROM events
WHERE lane = :lane AND (:after_ms IS NULL OR due_ms > :after_ms) AND (:request_id IS NULL OR request_id = :request_id)
ORDER BY due_ms, id
LIMIT :limit

-- name: move
UPDATE events SET due_ms = :new_due_ms WHERE lane = :lane AND due_ms = :due_ms AND id = :id

-- name: reschedule
UPDATE events
SET due_ms = :new_due_ms, attempts = :attempts, setbacks = :setbacks, refusal_cause = :refusal_cause,
    refusal_status = :refusal_status, refusal_message = :refusal_message
WHERE lane = :lane AND due_ms = :due_ms AND id = :id

-- name: keep_last_run
INSERT OR REPLACE INTO last_runs (id, executed_version, payload) VALUES (:id, :executed_version, :payload)

-- name: delete_event
DELETE FROM events WHERE lane = :lane AND due_ms = :due_ms AND id = :id

-- name: delete_payload
DELETE FROM payloads WHERE id = :id

-- name: delete_last_run
DELETE FROM last_runs WHERE id = :id

-- name: insert_dropped
INSERT INTO dropped (lane, request_id, qualifier, condition, attempts, error, accepted_ms, ended_ms)
VALUES (:lane, :request_id, :qualifier, :condition, :attempts, :error, :accepted_ms, :ended_ms)

-- name: forget_dropped
DELETE FROM dropped
WHERE id IN (SELECT id FROM dropped WHERE id > 0 ORDER BY id LIMIT :slice)
  AND (ended_ms < :before_ms OR id <= (SELECT max(id) FROM dropped) - :kept)

-- name: dropped
SELECT request_id, qualifier, condition, attempts, error, accepted_ms, ended_ms FROM dropped
WHERE lane = :lane
ORDER BY id DESC
LIMIT :limit

-- name: known_lanes
SELECT id, account, region, function_name FROM lanes
WHERE (:account IS NULL OR account = :account) AND (:region IS NULL OR region = :region)
  AND (:function_name IS NULL OR function_name = :function_name)
ORDER BY account, region, function_name

-- name: counts
SELECT count(*), coalesce(sum(due_ms > :now_ms), 0), min(CASE WHEN due_ms > :now_ms THEN due_ms END), min(accepted_ms)
FROM events
WHERE lane = :lane

-- name: tallies
SELECT word, count FROM tallies WHERE lane = :lane

-- name: last_id
SELECT coalesce(max(id), 0) FROM payloads
