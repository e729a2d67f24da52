-- name: next_unplanned
-- Small before big: a message that was begun waits until those behind it had a turn.
SELECT u.message, u.channel, u.subscriber, m.category, m.epoch, m.only_subscriber
FROM unplanned u JOIN message m ON m.key = u.message
WHERE u.message > ? ORDER BY u.message LIMIT ?

-- name: to_plan
-- The same for whoever plans them; here there is one writer.
SELECT u.message, u.channel, u.subscriber, m.category, m.epoch, m.only_subscriber
FROM unplanned u JOIN message m ON m.key = u.message
WHERE u.message > ? ORDER BY u.message LIMIT ?

-- name: channels
SELECT key, name FROM channel ORDER BY key

-- name: planned_so_far
UPDATE unplanned SET channel = ?, subscriber = ? WHERE message = ?

-- name: planned
DELETE FROM unplanned WHERE message IN (SELECT value FROM carray(?))

-- name: range_full
-- The last member of a full range, straight from the index.
SELECT subscriber FROM subscription
WHERE category = ? AND channel = ? AND subscriber > ? AND from_epoch <= ? AND to_epoch > ?
ORDER BY subscriber LIMIT 1 OFFSET ?

-- name: range_rest
SELECT count(*), min(subscriber), max(subscriber) FROM subscription
WHERE category = ? AND channel = ? AND subscriber > ? AND from_epoch <= ? AND to_epoch > ?

-- name: range_one
SELECT count(*), min(subscriber), max(subscriber) FROM subscription
WHERE category = ? AND channel = ? AND subscriber = ? AND from_epoch <= ? AND to_epoch > ?

-- name: last_batch
SELECT coalesce(max(key), 0) FROM batch

-- name: add_planned
INSERT INTO batch (key, message, channel, kind, first, last, size)
SELECT value ->> 0, value ->> 1, value ->> 2, 0, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)

-- name: add_child
INSERT INTO batch (message, channel, kind, first, last, size, parent, round, state, base, attempts, spent, deaths, due_at,
    expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: read
-- Batches, the audiences that they are a part of, and whether they may still be handed over.
SELECT b.key, b.message, b.channel, b.kind, b.first, b.last, b.size, b.round, b.state, b.base, b.attempts, b.spent,
    b.deaths, b.due_at, b.expires_at, b.delivered, b.dead, b.cancelled, b.moved, m.category, m.epoch,
    m.expires_at, m.cancelled_at, (SELECT value FROM meta WHERE name = 'epoch')
FROM carray(?) k CROSS JOIN batch b ON b.key = k.value LEFT JOIN message m ON m.key = b.message

-- name: held
-- A batch and its audience, for whoever changes it next; here there is one writer.
SELECT b.key, b.message, b.channel, b.kind, b.first, b.last, b.size, b.round, b.state, b.base, b.attempts, b.spent,
    b.deaths, b.due_at, b.expires_at, b.delivered, b.dead, b.cancelled, b.moved, m.category, m.epoch
FROM batch b LEFT JOIN message m ON m.key = b.message WHERE b.key = ?

-- name: asked
SELECT b.key, b.message, c.name, b.state, b.due_at, b.size - b.delivered - b.dead - b.cancelled - b.moved,
    b.attempts, b.spent, b.deaths, b.expires_at, m.expires_at, m.cancelled_at
FROM carray(?) k CROSS JOIN batch b ON b.key = k.value CROSS JOIN message m ON m.key = b.message
CROSS JOIN channel c ON c.key = b.channel

-- name: lease
UPDATE batch SET state = 1, attempts = attempts + 1, lease_until = ? + ?, due_at = NULL
WHERE key IN (SELECT value FROM carray(?))

-- name: begin_attempts
INSERT INTO attempt (batch, number, worker, claimed_at)
SELECT b.key, b.attempts, ?, ? FROM carray(?) k CROSS JOIN batch b ON b.key = k.value

-- name: messages
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body
FROM carray(?) k CROSS JOIN message m ON m.key = k.value CROSS JOIN category c ON c.key = m.category
LEFT JOIN subscriber p ON p.key = m.only_subscriber

-- name: end_attempt
UPDATE attempt SET ended_at = ?, ending = ?, started_at = ?, epoch = ?, detail = ? WHERE batch = ? AND number = ?

-- name: add_handover
INSERT INTO handover (batch, number, first, last, started_at, epoch, detail) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: settle
UPDATE batch SET state = ?, spent = ?, deaths = ?, due_at = ?, ended_at = ?, lease_until = NULL,
    delivered = ?, dead = ?, cancelled = ?, moved = ? WHERE key = ?

-- name: extend
UPDATE batch SET lease_until = ? + ? WHERE key = ? AND state = 1 AND attempts = ?

-- name: expired_leases
SELECT key, attempts FROM batch INDEXED BY batch_leased WHERE state = 1 AND lease_until <= ?

-- name: still_expired
SELECT b.key, b.attempts FROM carray(?) k CROSS JOIN batch b ON b.key = k.value
WHERE b.state = 1 AND b.lease_until <= ?

-- name: to_stop
SELECT b.key FROM batch b INDEXED BY batch_open CROSS JOIN message m ON m.key = b.message
WHERE b.state < 3 AND b.state <> 1
AND (m.cancelled_at IS NOT NULL OR coalesce(b.expires_at, m.expires_at) <= ?) LIMIT ?

-- name: ref
SELECT message, channel, size - delivered - dead - cancelled - moved, due_at FROM batch WHERE key = ?

-- name: leased
SELECT key, attempts FROM batch INDEXED BY batch_leased WHERE state = 1

-- name: last_known_time
SELECT max(coalesce((SELECT at FROM event ORDER BY id DESC LIMIT 1), 0),
    coalesce((SELECT accepted_at FROM message ORDER BY key DESC LIMIT 1), 0))

-- name: bring_forward
UPDATE batch INDEXED BY batch_open SET due_at = max(due_at - :back, :now)
WHERE state < 3 AND state = 2 AND due_at > :now RETURNING key

-- name: unfinished_first
SELECT b.key, b.message, b.channel, b.size - b.delivered - b.dead - b.cancelled - b.moved, b.due_at
FROM batch b WHERE b.state < 3 ORDER BY b.message, b.key LIMIT ?

-- name: unfinished_next
SELECT b.key, b.message, b.channel, b.size - b.delivered - b.dead - b.cancelled - b.moved, b.due_at
FROM batch b WHERE b.state < 3 AND (b.message, b.key) > ((SELECT message FROM batch WHERE key = ?1), ?1)
ORDER BY b.message, b.key LIMIT ?2

-- name: add_event
INSERT INTO event (at, message, channel, state, deliveries, subscriber) VALUES (?, ?, ?, ?, ?, ?)

-- name: add_tally
INSERT INTO tally (channel, state, deliveries) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET deliveries = deliveries + excluded.deliveries
