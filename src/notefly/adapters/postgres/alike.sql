-- Recording a group of batches at once: all treated everybody alike, in one hand-over, to the end.

-- name: fit
-- Only what this attempt still holds, and nothing is recorded of. The last column: choices changed
-- since the message was accepted.
SELECT b.key, b.message, b.channel, b.attempts, b.size, b.last, m.epoch < :now
FROM unnest(:batches::bigint[], :numbers::integer[]) AS k(key, number)
JOIN batch b ON b.key = k.key AND b.attempts = k.number JOIN message m ON m.key = b.message
WHERE b.state = 1 AND b.kind = 0 AND b.delivered + b.dead + b.cancelled + b.moved = 0
ORDER BY b.key FOR UPDATE OF b

-- name: record
-- No ON CONFLICT: a second row for a delivery is a violation and must raise. Sorted inside, so that
-- it is a walk along the index for each batch, whatever the statistics say; OFFSET 0 keeps batches
-- and messages out of that walk.
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT b.message, b.channel, s.subscriber,
    CASE WHEN s.to_epoch > :now THEN :state::smallint ELSE 4 END,
    CASE WHEN s.to_epoch > :now THEN :reason::smallint ELSE :unsubscribed::smallint END,
    b.key, b.attempts, 1, NULL
FROM (SELECT b.*, m.category, m.epoch FROM unnest(:batches::bigint[]) AS k(key) JOIN batch b ON b.key = k.key
    JOIN message m ON m.key = b.message OFFSET 0) b
CROSS JOIN LATERAL (
    SELECT subscriber, to_epoch FROM subscription
    WHERE category = b.category AND channel = b.channel AND subscriber >= b.first AND subscriber <= b.last
    AND from_epoch <= b.epoch AND to_epoch > b.epoch ORDER BY subscriber
) s

-- name: closed
SELECT b.key, count(*)::integer
FROM unnest(:batches::bigint[]) AS k(key) JOIN batch b ON b.key = k.key JOIN message m ON m.key = b.message
CROSS JOIN LATERAL (
    SELECT subscriber FROM subscription
    WHERE category = m.category AND channel = b.channel AND subscriber >= b.first AND subscriber <= b.last
    AND from_epoch <= m.epoch AND to_epoch > m.epoch AND to_epoch <= :now ORDER BY subscriber
) s
GROUP BY b.key

-- name: settle
UPDATE batch b SET state = 3, lease_until = NULL, due_at = NULL, ended_at = r.ended_at, cancelled = r.cancelled,
    delivered = CASE WHEN :state::smallint = 1 THEN b.size - r.cancelled ELSE 0 END,
    dead = CASE WHEN :state::smallint = 3 THEN b.size - r.cancelled ELSE 0 END
FROM unnest(:batches::bigint[], :ended::bigint[], :closed::integer[]) AS r(batch, ended_at, cancelled) WHERE b.key = r.batch

-- name: end_attempts
UPDATE attempt a SET ended_at = r.ended_at, ending = 'finished', started_at = r.started_at, epoch = :now, detail = :detail
FROM unnest(:batches::bigint[], :numbers::integer[], :started::bigint[], :ended::bigint[]) AS r(batch, number, started_at, ended_at)
WHERE a.batch = r.batch AND a.number = r.number
