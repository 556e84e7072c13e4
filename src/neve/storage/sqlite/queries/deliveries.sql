-- name: tally
INSERT INTO tallies (lane, word, count) VALUES (:lane, :word, :count)
ON CONFLICT DO UPDATE SET count = count + excluded.count

-- name: target
SELECT id FROM targets WHERE arn = :arn

-- name: insert_target
INSERT INTO targets (arn) VALUES (:arn)

-- name: insert_delivery
INSERT INTO deliveries (target, due_ms, id, lane, delivery_id, kind, function_arn, request_id, trace_header, made_ms,
                        error_code, error_message)
VALUES (:target, :due_ms, :id, :lane, :delivery_id, :kind, :function_arn, :request_id, :trace_header, :made_ms,
        :error_code, :error_message)

-- name: insert_body
INSERT INTO bodies (id, body) VALUES (:id, :body)

-- name: busy_targets
SELECT arn FROM targets WHERE EXISTS (SELECT 1 FROM deliveries WHERE deliveries.target = targets.id)

-- name: in_order
SELECT due_ms, deliveries.id, lane, delivery_id, kind, function_arn, request_id, trace_header, made_ms, tries, error_code,
       error_message, account, region
FROM deliveries JOIN lanes ON lanes.id = deliveries.lane
WHERE target = :target
ORDER BY due_ms, deliveries.id

-- name: body
SELECT body FROM bodies WHERE id = :id

-- name: reschedule
UPDATE deliveries SET due_ms = :new_due_ms, tries = :tries WHERE target = :target AND due_ms = :due_ms AND id = :id

-- name: delete_delivery
DELETE FROM deliveries WHERE target = :target AND due_ms = :due_ms AND id = :id

-- name: delete_body
DELETE FROM bodies WHERE id = :id

-- name: last_id
SELECT coalesce(max(id), 0) FROM bodies
