-- name: insert_group
INSERT INTO log_groups (account, region, name, created_ms, retention_days)
VALUES (:account, :region, :name, :created_ms, :retention_days)
ON CONFLICT DO NOTHING

-- name: group
SELECT id, account, region, name, created_ms, retention_days, stored_bytes FROM log_groups
WHERE account = :account AND region = :region AND name = :name

-- name: groups_after
SELECT id, account, region, name, created_ms, retention_days, stored_bytes FROM log_groups
WHERE account = :account AND region = :region
  AND name > :after AND name >= :prefix
  AND substr(name, 1, length(:prefix)) = :prefix
  AND instr(name, :pattern) > 0
ORDER BY name LIMIT :limit

-- name: set_retention
UPDATE log_groups SET retention_days = :retention_days
WHERE account = :account AND region = :region AND name = :name

-- name: mark_group_streams_deleted
INSERT INTO deleted_log_streams (stream_id) SELECT id FROM log_streams WHERE group_id = :group_id

-- name: delete_group_streams
DELETE FROM log_streams WHERE group_id = :group_id

-- name: delete_group
DELETE FROM log_groups WHERE id = :group_id

-- name: insert_stream
INSERT INTO log_streams (group_id, name, created_ms) VALUES (:group_id, :name, :created_ms)
ON CONFLICT DO NOTHING

-- name: stream
SELECT s.id, s.group_id, s.name, s.created_ms, s.first_event_ms, s.last_event_ms, s.last_ingestion_ms, s.stored_bytes
FROM log_groups AS g JOIN log_streams AS s ON s.group_id = g.id
WHERE g.account = :account AND g.region = :region AND g.name = :group AND s.name = :name

-- name: streams_by_name
SELECT id, group_id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, stored_bytes
FROM log_streams
WHERE group_id = :group_id AND name >= :prefix AND substr(name, 1, length(:prefix)) = :prefix
ORDER BY name LIMIT :limit OFFSET :offset

-- name: streams_by_name_descending
SELECT id, group_id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, stored_bytes
FROM log_streams
WHERE group_id = :group_id AND name >= :prefix AND substr(name, 1, length(:prefix)) = :prefix
ORDER BY name DESC LIMIT :limit OFFSET :offset

-- name: streams_by_last_event
SELECT id, group_id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, stored_bytes
FROM log_streams
WHERE group_id = :group_id AND substr(name, 1, length(:prefix)) = :prefix
ORDER BY last_event_ms, name LIMIT :limit OFFSET :offset

-- name: streams_by_last_event_descending
SELECT id, group_id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, stored_bytes
FROM log_streams
WHERE group_id = :group_id AND substr(name, 1, length(:prefix)) = :prefix
ORDER BY last_event_ms DESC, name DESC LIMIT :limit OFFSET :offset

-- name: mark_stream_deleted
INSERT INTO deleted_log_streams (stream_id) VALUES (:stream_id)

-- name: delete_stream
DELETE FROM log_streams WHERE id = :stream_id

-- name: insert_event
INSERT INTO log_events (group_id, stream_id, timestamp_ms, ingestion_ms, message) VALUES (?, ?, ?, ?, ?)

-- name: count_into_stream
UPDATE log_streams
SET first_event_ms = min(coalesce(first_event_ms, :first_ms), :first_ms),
    last_event_ms = max(coalesce(last_event_ms, :last_ms), :last_ms),
    last_ingestion_ms = :ingestion_ms,
    stored_bytes = stored_bytes + :bytes
WHERE id = :stream_id

-- name: count_into_group
UPDATE log_groups SET stored_bytes = max(0, stored_bytes + :bytes) WHERE id = :group_id

-- name: chosen_streams
SELECT id FROM log_streams
WHERE group_id = :group_id AND name IN (SELECT value FROM json_each(:names))

-- name: prefixed_streams
SELECT id FROM log_streams
WHERE group_id = :group_id AND name >= :prefix AND substr(name, 1, length(:prefix)) = :prefix

-- name: group_events
SELECT e.id, s.name, e.timestamp_ms, e.ingestion_ms, e.message
FROM log_events AS e INDEXED BY log_events_by_group CROSS JOIN log_streams AS s ON s.id = e.stream_id
WHERE e.group_id = :group_id
  AND (e.timestamp_ms, e.id) > (:low_ms, :low_id) AND (e.timestamp_ms, e.id) < (:high_ms, :high_id)
ORDER BY e.timestamp_ms, e.id LIMIT :limit

-- name: group_events_descending
SELECT e.id, s.name, e.timestamp_ms, e.ingestion_ms, e.message
FROM log_events AS e INDEXED BY log_events_by_group CROSS JOIN log_streams AS s ON s.id = e.stream_id
WHERE e.group_id = :group_id
  AND (e.timestamp_ms, e.id) > (:low_ms, :low_id) AND (e.timestamp_ms, e.id) < (:high_ms, :high_id)
ORDER BY e.timestamp_ms DESC, e.id DESC LIMIT :limit

-- name: streams_events
SELECT e.id, s.name, e.timestamp_ms, e.ingestion_ms, e.message
FROM log_events AS e INDEXED BY log_events_by_group CROSS JOIN log_streams AS s ON s.id = e.stream_id
WHERE e.group_id = :group_id AND e.stream_id IN (SELECT value FROM json_each(:stream_ids))
  AND (e.timestamp_ms, e.id) > (:low_ms, :low_id) AND (e.timestamp_ms, e.id) < (:high_ms, :high_id)
ORDER BY e.timestamp_ms, e.id LIMIT :limit

-- name: streams_events_descending
SELECT e.id, s.name, e.timestamp_ms, e.ingestion_ms, e.message
FROM log_events AS e INDEXED BY log_events_by_group CROSS JOIN log_streams AS s ON s.id = e.stream_id
WHERE e.group_id = :group_id AND e.stream_id IN (SELECT value FROM json_each(:stream_ids))
  AND (e.timestamp_ms, e.id) > (:low_ms, :low_id) AND (e.timestamp_ms, e.id) < (:high_ms, :high_id)
ORDER BY e.timestamp_ms DESC, e.id DESC LIMIT :limit

-- name: stream_events
SELECT e.id, s.name, e.timestamp_ms, e.ingestion_ms, e.message
FROM log_events AS e INDEXED BY log_events_by_stream CROSS JOIN log_streams AS s ON s.id = e.stream_id
WHERE e.stream_id = :stream_id
  AND (e.timestamp_ms, e.id) > (:low_ms, :low_id) AND (e.timestamp_ms, e.id) < (:high_ms, :high_id)
ORDER BY e.timestamp_ms, e.id LIMIT :limit

-- name: stream_events_descending
SELECT e.id, s.name, e.timestamp_ms, e.ingestion_ms, e.message
FROM log_events AS e INDEXED BY log_events_by_stream CROSS JOIN log_streams AS s ON s.id = e.stream_id
WHERE e.stream_id = :stream_id
  AND (e.timestamp_ms, e.id) > (:low_ms, :low_id) AND (e.timestamp_ms, e.id) < (:high_ms, :high_id)
ORDER BY e.timestamp_ms DESC, e.id DESC LIMIT :limit

-- name: retained_groups
SELECT id, retention_days FROM log_groups WHERE retention_days IS NOT NULL

-- name: expire_events
DELETE FROM log_events WHERE id IN (
    SELECT id FROM log_events INDEXED BY log_events_by_group
    WHERE group_id = :group_id AND timestamp_ms < :before_ms LIMIT :limit
)
RETURNING stream_id, length(CAST(message AS BLOB))

-- name: uncount_from_stream
UPDATE log_streams
SET stored_bytes = max(0, stored_bytes - :bytes),
    first_event_ms = (SELECT min(timestamp_ms) FROM log_events WHERE stream_id = :stream_id)
WHERE id = :stream_id

-- name: expire_empty_streams
DELETE FROM log_streams
WHERE group_id = :group_id AND max(created_ms, coalesce(last_ingestion_ms, 0)) < :before_ms
  AND NOT EXISTS (SELECT 1 FROM log_events WHERE stream_id = log_streams.id)

-- name: next_deleted_stream
SELECT stream_id FROM deleted_log_streams LIMIT 1

-- name: sweep_events
DELETE FROM log_events WHERE id IN (
    SELECT id FROM log_events INDEXED BY log_events_by_stream WHERE stream_id = :stream_id LIMIT :limit
)

-- name: forget_deleted_stream
DELETE FROM deleted_log_streams WHERE stream_id = :stream_id
