-- Recording a group of batches at once: all treated everybody alike, in one hand-over, to the end.
-- The group stands in a temporary table while it is recorded.

-- name: create
CREATE TEMP TABLE IF NOT EXISTS reported (
    batch INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    size INTEGER NOT NULL,
    later INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0
)

-- name: forget
DELETE FROM reported

-- name: report
-- Only what this attempt still holds, and nothing is recorded of. `later`: choices changed since the
-- message was accepted. An array element is a batch and its attempt, see `packed`.
INSERT INTO reported (batch, number, size, later, started_at, ended_at)
SELECT b.key, b.attempts, b.size, m.epoch < :now, :started_at, :ended_at
FROM carray(:packed) k CROSS JOIN batch b ON b.key = k.value >> 16 CROSS JOIN message m ON m.key = b.message
WHERE b.state = 1 AND b.attempts = k.value & 65535 AND b.kind = 0
AND b.delivered + b.dead + b.cancelled + b.moved = 0

-- name: times
-- Of those that differ.
UPDATE reported SET started_at = ?, ended_at = ? WHERE batch = ? AND number = ?

-- name: fit
SELECT batch FROM reported

-- name: total
SELECT coalesce(sum(size), 0), coalesce(max(later), 0) FROM reported

-- name: record
-- No OR IGNORE: a second row for a delivery is a violation and must raise.
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT b.message, b.channel, s.subscriber,
    CASE WHEN s.to_epoch > :now THEN :state ELSE 4 END,
    CASE WHEN s.to_epoch > :now THEN :reason ELSE :unsubscribed END,
    b.key, r.number, 1, NULL
FROM reported r CROSS JOIN batch b ON b.key = r.batch CROSS JOIN message m ON m.key = b.message
CROSS JOIN subscription s ON s.category = m.category AND s.channel = b.channel
    AND s.subscriber >= b.first AND s.subscriber <= b.last
    AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch

-- name: record_unchanged
-- The same while no choice changed since: then nobody in the audience can have left.
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT b.message, b.channel, s.subscriber, :state, :reason, b.key, r.number, 1, NULL
FROM reported r CROSS JOIN batch b ON b.key = r.batch CROSS JOIN message m ON m.key = b.message
CROSS JOIN subscription s ON s.category = m.category AND s.channel = b.channel
    AND s.subscriber >= b.first AND s.subscriber <= b.last
    AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch

-- name: closed
UPDATE reported SET cancelled = (
    SELECT count(*) FROM batch b CROSS JOIN message m ON m.key = b.message
    CROSS JOIN subscription s ON s.category = m.category AND s.channel = b.channel
        AND s.subscriber >= b.first AND s.subscriber <= b.last
        AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch AND s.to_epoch <= :now
    WHERE b.key = reported.batch)
WHERE later

-- name: settle
UPDATE batch SET state = 3, lease_until = NULL, due_at = NULL,
    ended_at = (SELECT r.ended_at FROM reported r WHERE r.batch = key),
    cancelled = (SELECT r.cancelled FROM reported r WHERE r.batch = key),
    delivered = CASE WHEN :state = 1 THEN size - (SELECT r.cancelled FROM reported r WHERE r.batch = key) ELSE 0 END,
    dead = CASE WHEN :state = 3 THEN size - (SELECT r.cancelled FROM reported r WHERE r.batch = key) ELSE 0 END
WHERE key IN (SELECT batch FROM reported)

-- name: end_attempts
-- No UPDATE FROM: it would walk through all attempts.
UPDATE attempt SET ending = 'finished', epoch = :now, detail = :detail,
    (started_at, ended_at) = (SELECT r.started_at, r.ended_at FROM reported r WHERE r.batch = attempt.batch)
WHERE (batch, number) IN (SELECT batch, number FROM reported)

-- name: add_events
INSERT INTO event (at, message, channel, state, deliveries, subscriber)
SELECT r.ended_at, b.message, b.channel, :state, r.size - r.cancelled, CASE WHEN r.size = 1 THEN b.last END
FROM reported r CROSS JOIN batch b ON b.key = r.batch WHERE r.size > r.cancelled

-- name: add_cancelled_events
INSERT INTO event (at, message, channel, state, deliveries, subscriber)
SELECT r.ended_at, b.message, b.channel, 4, r.cancelled, CASE WHEN r.size = 1 THEN b.last END
FROM reported r CROSS JOIN batch b ON b.key = r.batch WHERE r.cancelled > 0

-- name: add_tally
INSERT INTO tally (channel, state, deliveries)
SELECT b.channel, :state, sum(r.size - r.cancelled) FROM reported r CROSS JOIN batch b ON b.key = r.batch
WHERE true GROUP BY b.channel HAVING sum(r.size - r.cancelled) > 0
ON CONFLICT DO UPDATE SET deliveries = deliveries + excluded.deliveries

-- name: add_cancelled_tally
INSERT INTO tally (channel, state, deliveries)
SELECT b.channel, 4, sum(r.cancelled) FROM reported r CROSS JOIN batch b ON b.key = r.batch
WHERE true GROUP BY b.channel HAVING sum(r.cancelled) > 0
ON CONFLICT DO UPDATE SET deliveries = deliveries + excluded.deliveries
