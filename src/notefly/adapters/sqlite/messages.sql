-- name: key_taken
-- The idempotency key is looked up and stored in the transaction of the message.
SELECT fingerprint, first_message, messages FROM idempotency WHERE owner = ? AND key = ?

-- name: take_key
INSERT INTO idempotency (owner, key, fingerprint, first_message, messages) VALUES (?, ?, ?, ?, ?)

-- name: ids_from
SELECT id, accepted_at FROM message WHERE key >= ? ORDER BY key LIMIT ?

-- name: subscriber_key
SELECT key FROM subscriber WHERE id = ?

-- name: accept
INSERT INTO message (id, category, epoch, accepted_at, expires_at, only_subscriber, title, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: accept_with_key
INSERT INTO message (key, id, category, epoch, accepted_at, expires_at, only_subscriber, title, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: last_key
SELECT coalesce(max(key), 0) FROM message

-- name: to_plan
INSERT INTO unplanned (message) VALUES (?)

-- name: to_plan_range
INSERT INTO unplanned (message) SELECT key FROM message WHERE key >= ? AND key < ?

-- name: by_id
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.id = ?

-- name: newest
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.key < ? ORDER BY m.key DESC LIMIT ?

-- name: newest_in_category
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.category = ? AND m.key < ? ORDER BY m.epoch DESC, m.key DESC LIMIT ?

-- name: after
-- Test messages concern one person and are in no public stream.
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, NULL, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category
WHERE m.key > ? AND m.only_subscriber IS NULL AND (? IS NULL OR c.name = ?) ORDER BY m.key LIMIT ?

-- name: key_of
SELECT key FROM message WHERE id = ?

-- name: unplanned
SELECT u.message FROM carray(?) k CROSS JOIN unplanned u ON u.message = k.value

-- name: counts
-- What is left of a batch is sending while leased, or after an attempt that was interrupted;
-- retrying once a try was spent; pending before.
SELECT b.message, c.name,
    sum(CASE WHEN b.kind = 0 THEN b.size ELSE 0 END),
    sum(b.delivered),
    sum(b.dead) - sum(CASE WHEN b.kind = 3 THEN b.size ELSE 0 END),
    sum(b.cancelled),
    sum(CASE WHEN b.state = 1 OR (b.state = 0 AND b.spent = 0 AND (b.attempts > b.base OR b.kind IN (1, 4)))
        THEN b.size - b.delivered - b.dead - b.cancelled - b.moved ELSE 0 END),
    sum(CASE WHEN b.state IN (0, 2) AND b.spent > 0
        THEN b.size - b.delivered - b.dead - b.cancelled - b.moved ELSE 0 END),
    sum(CASE WHEN b.state IN (0, 2) AND b.spent = 0 AND b.attempts = b.base AND b.kind NOT IN (1, 4)
        THEN b.size - b.delivered - b.dead - b.cancelled - b.moved ELSE 0 END),
    max(b.state < 3),
    sum(b.kind = 0)
FROM carray(?) k CROSS JOIN batch b ON b.message = k.value CROSS JOIN channel c ON c.key = b.channel
GROUP BY b.message, b.channel ORDER BY b.message, b.channel

-- name: cancel
-- After the end there is nothing to stop, and a later replay must not find it stopped.
UPDATE message SET cancelled_at = ?1 WHERE key = ?2 AND cancelled_at IS NULL
AND (EXISTS (SELECT 1 FROM unplanned WHERE message = ?2)
    OR EXISTS (SELECT 1 FROM batch WHERE message = ?2 AND state < 3))

-- name: wake_waiting
-- What waits for a retry need not wait to be cancelled.
UPDATE batch SET state = 0, due_at = NULL WHERE message = ? AND state = 2

-- name: write_probe
-- What is the same as before would not be written.
INSERT INTO meta VALUES ('probe', zeroblob(65536))

-- name: forget_probe
DELETE FROM meta WHERE name = 'probe'
