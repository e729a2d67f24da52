-- name: channels
SELECT key FROM channel ORDER BY key

-- name: subscriber_key
SELECT key FROM subscriber WHERE id = ?

-- name: key_range
-- A UUIDv7 opens with its time, so the unique index on ids also finds a span of time.
SELECT min(key), max(key) FROM message WHERE id >= ? AND id < ?

-- name: message
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at,
    m.category, m.only_subscriber
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.key = ?

-- name: message_key
SELECT key FROM message WHERE id = ?

-- name: newest
SELECT key FROM message WHERE key <= ? AND key >= ? ORDER BY key DESC

-- name: newest_in_category
SELECT key FROM message WHERE category = ? AND key <= ? AND key >= ? ORDER BY epoch DESC, key DESC

-- name: newest_exception
SELECT max(message) FROM delivery WHERE state = ? AND state <> 1 AND message <= ?

-- name: newest_open
SELECT DISTINCT message FROM batch WHERE state < 3 AND message <= ? AND message >= ? ORDER BY message DESC

-- name: history
-- Which intervals a person ever had: each covers the messages of its category between two epochs.
SELECT category, channel, from_epoch, to_epoch FROM subscription WHERE subscriber = :person
AND (:category IS NULL OR category = :category) AND (:channel IS NULL OR channel = :channel)

-- name: newest_in_interval
SELECT key FROM message WHERE category = ? AND epoch >= ? AND epoch < ? AND key <= ? AND key >= ?
ORDER BY epoch DESC, key DESC

-- name: audience
SELECT s.subscriber, d.state, d.reason, d.batch, d.attempt, d.round, d.detail
FROM subscription s
LEFT JOIN delivery d ON d.message = :message AND d.channel = :channel AND d.subscriber = s.subscriber
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch
ORDER BY s.subscriber LIMIT :limit

-- name: recorded_delivered
SELECT subscriber, state, reason, batch, attempt, round, detail FROM delivery
WHERE message = :message AND channel = :channel AND subscriber > :after AND subscriber <= :through
AND state = 1 ORDER BY subscriber LIMIT :limit

-- name: recorded_exception
SELECT subscriber, state, reason, batch, attempt, round, detail FROM delivery
WHERE state = :state AND state <> 1 AND message = :message AND channel = :channel
AND (:reason IS NULL OR reason = :reason) AND subscriber > :after AND subscriber <= :through ORDER BY subscriber LIMIT :limit

-- name: any_delivered
SELECT 1 FROM batch WHERE message = :message AND channel = :channel AND delivered > 0 LIMIT 1

-- name: open_batches
SELECT key, kind, first, last, state, base, attempts, spent, due_at FROM batch
WHERE message = :message AND channel = :channel AND state < 3 AND last > :after AND first <= :through ORDER BY first

-- name: open_audience
SELECT s.subscriber FROM subscription s
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch
AND NOT EXISTS (SELECT 1 FROM delivery d
    WHERE d.message = :message AND d.channel = :channel AND d.subscriber = s.subscriber)
ORDER BY s.subscriber LIMIT :limit

-- name: open_rows
SELECT subscriber, state, reason, batch, attempt, round, detail FROM delivery
WHERE message = :message AND channel = :channel AND subscriber > :after AND subscriber <= :through
AND batch = :batch AND state IN (0, 2) ORDER BY subscriber LIMIT :limit

-- name: batch
SELECT key, kind, first, last, state, base, attempts, spent, due_at, parent FROM batch WHERE key = ?

-- name: answering
-- The batch that answers for each: the one that its row names, or the open one that will.
SELECT w.key, w.kind, w.first, w.last, w.state, w.base, w.attempts, w.spent, w.due_at, w.parent
FROM (SELECT key AS n, value ->> 0 AS batch, value ->> 1 AS message, value ->> 2 AS channel, value ->> 3 AS subscriber FROM json_each(?)) l
LEFT JOIN batch w ON w.key = coalesce(l.batch, (SELECT o.key FROM batch o
    WHERE o.message = l.message AND o.channel = l.channel AND o.first <= l.subscriber AND o.last >= l.subscriber
    AND o.kind IN (0, 1) AND o.state < 3 ORDER BY o.first DESC, o.key DESC LIMIT 1))
ORDER BY l.n

-- name: about
-- Of lines of the log: the columns of About. An address is the one of the epoch of the hand-over. Who
-- waits was last tried in the batch that they were parted from.
SELECT p.id, p.name, (SELECT r.value FROM address r WHERE r.subscriber = l.subscriber AND r.kind = l.kind
        AND r.from_epoch <= l.epoch AND r.to_epoch > l.epoch),
    l.claimed_at, l.ended_at, l.detail, l.handed, b.ended_at
FROM (SELECT l.*, a.claimed_at, a.ended_at, a.detail, CASE WHEN a.started_at IS NULL THEN h.detail ELSE a.detail END AS handed,
    coalesce(CASE WHEN l.over THEN CASE WHEN a.started_at IS NULL THEN h.epoch ELSE a.epoch END END,
        (SELECT value FROM meta WHERE name = 'epoch')) AS epoch
    FROM (SELECT key AS n, value ->> 0 AS subscriber, value ->> 1 AS batch, value ->> 2 AS attempt, value ->> 3 AS kind,
        value ->> 4 AS over FROM json_each(?)) l
    LEFT JOIN batch w ON w.key = l.batch
    LEFT JOIN attempt a ON a.batch = CASE WHEN NOT l.over AND l.attempt <= w.base THEN w.parent ELSE l.batch END AND a.number = l.attempt
    LEFT JOIN handover h ON a.started_at IS NULL AND h.batch = a.batch AND h.number = l.attempt AND h.first = (SELECT max(o.first)
        FROM handover o WHERE o.batch = a.batch AND o.number = l.attempt AND o.first <= l.subscriber AND o.last >= l.subscriber)
) l
LEFT JOIN subscriber p ON p.key = l.subscriber
LEFT JOIN batch b ON b.key = l.batch
ORDER BY l.n

-- name: attempts
SELECT number, worker, claimed_at, started_at, epoch, ended_at, ending, detail FROM attempt
WHERE batch = ? AND number <= ? ORDER BY number DESC

-- name: handover
SELECT started_at, epoch, detail FROM handover
WHERE batch = ? AND number = ? AND first <= ? AND last >= ? ORDER BY first DESC LIMIT 1

-- name: earlier_rounds
SELECT r.round, r.reason, coalesce(r.detail, h.detail, a.detail), a.ended_at, r.reopened_at FROM earlier_round r
LEFT JOIN attempt a ON a.batch = r.batch AND a.number = r.attempt
LEFT JOIN handover h ON h.batch = r.batch AND h.number = r.attempt AND h.first <= r.subscriber AND h.last >= r.subscriber
WHERE r.message = ? AND r.channel = ? AND r.subscriber = ? ORDER BY r.round

-- name: dead_groups
SELECT d.channel, d.reason, count(*), max(d.message) FROM delivery d
WHERE d.state = 3 AND d.state <> 1 GROUP BY d.channel, d.reason ORDER BY count(*) DESC

-- name: dead_sample
SELECT d.subscriber, coalesce(d.detail, h.detail, a.detail), m.id FROM delivery d JOIN message m ON m.key = d.message
LEFT JOIN attempt a ON a.batch = d.batch AND a.number = d.attempt
LEFT JOIN handover h ON h.batch = d.batch AND h.number = d.attempt AND h.first <= d.subscriber AND h.last >= d.subscriber
WHERE d.state = 3 AND d.state <> 1 AND d.message = ? AND d.channel = ? AND d.reason = ? LIMIT 1

-- name: dead
SELECT d.message, d.channel, d.subscriber, d.batch, d.attempt, d.round, m.expires_at
FROM delivery d JOIN message m ON m.key = d.message
WHERE d.state = 3 AND d.state <> 1
AND (:message IS NULL OR d.message = :message) AND (:channel IS NULL OR d.channel = :channel)
AND (:subscriber IS NULL OR d.subscriber = :subscriber) AND (:category IS NULL OR m.category = :category)
AND (:reason IS NULL OR d.reason = :reason)
AND (:since IS NULL OR m.accepted_at >= :since) AND (:until IS NULL OR m.accepted_at < :until)
AND (:any_age OR m.expires_at IS NULL OR m.expires_at > :at)
ORDER BY d.message, d.channel, d.subscriber LIMIT :limit

-- name: count_dead
SELECT count(*) FROM delivery d JOIN message m ON m.key = d.message
WHERE d.state = 3 AND d.state <> 1
AND (:message IS NULL OR d.message = :message) AND (:channel IS NULL OR d.channel = :channel)
AND (:subscriber IS NULL OR d.subscriber = :subscriber) AND (:category IS NULL OR m.category = :category)
AND (:reason IS NULL OR d.reason = :reason)
AND (:since IS NULL OR m.accepted_at >= :since) AND (:until IS NULL OR m.accepted_at < :until)

-- name: one
SELECT d.message, d.channel, d.subscriber, d.batch, d.attempt, d.round, m.expires_at, d.state
FROM delivery d JOIN message m ON m.key = d.message
WHERE d.message = ? AND d.channel = ? AND d.subscriber = ?

-- name: keep_round
INSERT INTO earlier_round (message, channel, subscriber, round, reason, batch, attempt, detail, reopened_at)
SELECT message, channel, subscriber, round, reason, batch, attempt, detail, ?4 FROM delivery
WHERE message = ?1 AND channel = ?2 AND subscriber = ?3

-- name: reopen
UPDATE delivery SET state = 0, reason = NULL, batch = ?4, round = round + 1, detail = NULL
WHERE message = ?1 AND channel = ?2 AND subscriber = ?3 AND state = 3

-- name: add_replay
INSERT INTO batch (message, channel, kind, first, last, size, parent, round, base, attempts, expires_at)
VALUES (?, ?, 3, ?, ?, ?, ?, ?, ?, ?, ?)
