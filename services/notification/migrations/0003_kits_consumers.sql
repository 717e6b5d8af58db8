-- kit has the dead letters of every consumer now, and effects that are still to happen.
INSERT INTO inbox_dead_letters (id, consumer, message, event_id, subject, stream, stream_sequence, stored_at, payload,
                                cause, attempts, created_at, published_at, redrives, redrive_id, redriven_at)
SELECT DISTINCT ON (coalesce(event_id::text, source))
       id, 'notification-orders', coalesce(event_id::text, source), event_id, subject, 'ORDERS', 0, created_at, payload,
       left(cause, 1000), attempts, created_at, created_at, redrives, redrive_id, redriven_at
FROM dead_letters ORDER BY coalesce(event_id::text, source), created_at DESC;
DROP TABLE dead_letters;

INSERT INTO effects (id, kind, planned_at, due_at)
SELECT id, channel, now(), now() FROM notifications WHERE status = 'queued';
ALTER TABLE notifications DROP COLUMN leased_until;
