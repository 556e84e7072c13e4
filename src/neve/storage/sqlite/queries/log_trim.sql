-- name: trim_events
DELETE FROM log_events WHERE id IN (SELECT id FROM log_events WHERE id > 0 ORDER BY id LIMIT :limit)
RETURNING group_id, stream_id, length(CAST(message AS BLOB)), ingestion_ms

-- name: uncount_from_trimmed_stream
UPDATE log_streams
SET stored_bytes = max(0, stored_bytes - :bytes),
    first_event_ms = (SELECT min(timestamp_ms) FROM log_events WHERE stream_id = :stream_id)
WHERE id = :stream_id

-- name: uncount_from_trimmed_group
UPDATE log_groups SET stored_bytes = max(0, stored_bytes - :bytes) WHERE id = :group_id

-- name: trim_stream
DELETE FROM log_streams
WHERE id = :stream_id AND coalesce(last_ingestion_ms, 0) <= :written_ms
  AND NOT EXISTS (SELECT 1 FROM log_events WHERE stream_id = :stream_id)
