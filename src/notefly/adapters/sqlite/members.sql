-- Who is in a batch, and what is recorded of them.
-- A planned batch (kinds 0, 1) holds the audience of its range that has no row yet; the others hold
-- the rows of their range that wait and name them. Whether a choice still stands is a matter of
-- epochs alone: closed at `h` means to_epoch <= h.

-- name: planned
SELECT s.subscriber, s.to_epoch FROM subscription s
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch
AND NOT EXISTS (SELECT 1 FROM delivery d
    WHERE d.message = :message AND d.channel = :channel AND d.subscriber = s.subscriber)
ORDER BY s.subscriber LIMIT :limit

-- name: waiting
SELECT d.subscriber, s.to_epoch FROM delivery d
JOIN subscription s ON s.category = :category AND s.channel = d.channel AND s.subscriber = d.subscriber
    AND s.from_epoch <= :epoch AND s.to_epoch > :epoch
WHERE d.message = :message AND d.channel = :channel AND d.subscriber > :after AND d.subscriber <= :through
AND d.batch = :batch AND d.state IN (0, 2)
ORDER BY d.subscriber LIMIT :limit

-- name: recipients_planned
-- The columns of a Recipient.
SELECT s.subscriber, coalesce(p.id, ''), coalesce(p.name, ''), coalesce(a.value, '')
FROM subscription s
JOIN subscriber p ON p.key = s.subscriber
LEFT JOIN address a ON a.subscriber = s.subscriber AND a.kind = :kind AND a.from_epoch <= :now AND a.to_epoch > :now
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :now
AND NOT EXISTS (SELECT 1 FROM delivery d
    WHERE d.message = :message AND d.channel = :channel AND d.subscriber = s.subscriber)
ORDER BY s.subscriber LIMIT :limit

-- name: recipients_together
-- The text of People for each of several batches, NULL where there is nobody. Nothing is looked up in
-- the log of deliveries for a batch that is untouched.
SELECT b.batch, (
    SELECT group_concat(s.subscriber, char(31)) || char(30) || group_concat(coalesce(p.id, ''), char(31)) || char(30)
        || group_concat(coalesce(p.name, ''), char(31)) || char(30) || group_concat(coalesce(a.value, ''), char(31))
    FROM subscription s
    CROSS JOIN subscriber p ON p.key = s.subscriber
    LEFT JOIN address a ON a.subscriber = s.subscriber AND a.kind = b.kind AND a.from_epoch <= b.now AND a.to_epoch > b.now
    WHERE s.category = b.category AND s.channel = b.channel AND s.subscriber > b.after AND s.subscriber <= b.through
    AND s.from_epoch <= b.epoch AND s.to_epoch > b.now
    AND (b.untouched OR NOT EXISTS (SELECT 1 FROM delivery d
        WHERE d.message = b.message AND d.channel = b.channel AND d.subscriber = s.subscriber))
)
FROM (SELECT value ->> 0 AS batch, value ->> 1 AS message, value ->> 2 AS category, value ->> 3 AS channel, value ->> 4 AS after,
    value ->> 5 AS through, value ->> 6 AS epoch, value ->> 7 AS now, value ->> 8 AS kind,
    value ->> 9 AS untouched
    FROM json_each(?) LIMIT -1 OFFSET 0) b

-- name: recipients_waiting
SELECT d.subscriber, coalesce(p.id, ''), coalesce(p.name, ''), coalesce(a.value, '')
FROM delivery d
JOIN subscription s ON s.category = :category AND s.channel = d.channel AND s.subscriber = d.subscriber
    AND s.from_epoch <= :epoch AND s.to_epoch > :now
JOIN subscriber p ON p.key = d.subscriber
LEFT JOIN address a ON a.subscriber = d.subscriber AND a.kind = :kind AND a.from_epoch <= :now AND a.to_epoch > :now
WHERE d.message = :message AND d.channel = :channel AND d.subscriber > :after AND d.subscriber <= :through
AND d.batch = :batch AND d.state IN (0, 2)
ORDER BY d.subscriber LIMIT :limit

-- name: record_alike
-- One outcome for the whole range of a batch of which nothing was recorded yet. No OR IGNORE:
-- a second row for a delivery is a violation and must raise.
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT :message, :channel, s.subscriber,
    CASE WHEN s.to_epoch > :now THEN :state ELSE 4 END,
    CASE WHEN s.to_epoch > :now THEN :reason ELSE :unsubscribed END,
    :batch, :attempt, 1, NULL
FROM subscription s
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch

-- name: closed_in_range
SELECT count(*) FROM subscription s
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch AND s.to_epoch <= :now

-- name: record_new
-- An object of details by subscriber.
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT :message, :channel, CAST(key AS INTEGER), :state, :reason, :batch, :attempt, 1, atom FROM json_each(:details)

-- name: record_waiting
UPDATE delivery SET state = :state, reason = :reason, batch = :batch, attempt = :attempt, detail = p.atom
FROM json_each(:details) p
WHERE message = :message AND channel = :channel AND subscriber = CAST(p.key AS INTEGER) AND delivery.state IN (0, 2)

-- name: repoint
-- The halves of a split retry take their rows with them.
UPDATE delivery SET batch = :child WHERE message = :message AND channel = :channel
AND subscriber BETWEEN :first AND :last AND batch = :batch AND state IN (0, 2)
