-- Who is in a batch, and what is recorded of them.
-- A planned batch (kinds 0, 1) holds the audience of its range that has no row yet; the others hold
-- the rows of their range that wait and name them. Whether a choice still stands is a matter of
-- epochs alone: closed at `h` means to_epoch <= h.
-- Every table is bounded by the range, also where a join implies it: whatever way of joining is
-- chosen by statistics that may be old, it reads no more than a batch.

-- name: planned
SELECT s.subscriber, s.to_epoch FROM subscription s
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch
AND NOT EXISTS (SELECT 1 FROM delivery d
    WHERE d.message = :message AND d.channel = :channel AND d.subscriber = s.subscriber
    AND d.subscriber > :after AND d.subscriber <= :through)
ORDER BY s.subscriber LIMIT :limit

-- name: waiting
SELECT d.subscriber, s.to_epoch FROM delivery d
JOIN subscription s ON s.category = :category AND s.channel = d.channel AND s.subscriber = d.subscriber
    AND s.subscriber > :after AND s.subscriber <= :through AND s.from_epoch <= :epoch AND s.to_epoch > :epoch
WHERE d.message = :message AND d.channel = :channel AND d.subscriber > :after AND d.subscriber <= :through
AND d.batch = :batch AND d.state IN (0, 2)
ORDER BY d.subscriber LIMIT :limit

-- name: recipients_planned
-- The columns of a Recipient.
SELECT s.subscriber, coalesce(p.id, ''), coalesce(p.name, ''), coalesce(a.value, '')
FROM subscription s
JOIN subscriber p ON p.key = s.subscriber AND p.key > :after AND p.key <= :through
LEFT JOIN address a ON a.subscriber = s.subscriber AND a.subscriber > :after AND a.subscriber <= :through
    AND a.kind = :kind AND a.from_epoch <= :now AND a.to_epoch > :now
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :now
AND NOT EXISTS (SELECT 1 FROM delivery d
    WHERE d.message = :message AND d.channel = :channel AND d.subscriber = s.subscriber
    AND d.subscriber > :after AND d.subscriber <= :through)
ORDER BY s.subscriber LIMIT :limit

-- name: recipients_together
-- The text of People for each of several batches, NULL where there is nobody. Nothing is looked up in
-- the log of deliveries for a batch that is untouched.
SELECT b.batch, r.people FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::text[], $10::boolean[])
    AS b(batch, message, category, channel, after, through, epoch, now, kind, untouched)
CROSS JOIN LATERAL (
    SELECT string_agg(o.subscriber::text, chr(31)) || chr(30) || string_agg(o.id, chr(31)) || chr(30)
        || string_agg(o.name, chr(31)) || chr(30) || string_agg(o.address, chr(31)) AS people
    FROM (
        SELECT s.subscriber, coalesce(p.id, '') AS id, coalesce(p.name, '') AS name, coalesce(a.value, '') AS address
        FROM subscription s
        JOIN subscriber p ON p.key = s.subscriber AND p.key > b.after AND p.key <= b.through
        LEFT JOIN address a ON a.subscriber = s.subscriber AND a.subscriber > b.after AND a.subscriber <= b.through
            AND a.kind = b.kind AND a.from_epoch <= b.now AND a.to_epoch > b.now
        WHERE s.category = b.category AND s.channel = b.channel AND s.subscriber > b.after AND s.subscriber <= b.through
        AND s.from_epoch <= b.epoch AND s.to_epoch > b.now
        AND (b.untouched OR NOT EXISTS (SELECT 1 FROM delivery d
            WHERE d.message = b.message AND d.channel = b.channel AND d.subscriber = s.subscriber
            AND d.subscriber > b.after AND d.subscriber <= b.through))
        ORDER BY s.subscriber
    ) o
) r

-- name: recipients_waiting
SELECT d.subscriber, coalesce(p.id, ''), coalesce(p.name, ''), coalesce(a.value, '')
FROM delivery d
JOIN subscription s ON s.category = :category AND s.channel = d.channel AND s.subscriber = d.subscriber
    AND s.subscriber > :after AND s.subscriber <= :through AND s.from_epoch <= :epoch AND s.to_epoch > :now
JOIN subscriber p ON p.key = d.subscriber AND p.key > :after AND p.key <= :through
LEFT JOIN address a ON a.subscriber = d.subscriber AND a.subscriber > :after AND a.subscriber <= :through
    AND a.kind = :kind AND a.from_epoch <= :now AND a.to_epoch > :now
WHERE d.message = :message AND d.channel = :channel AND d.subscriber > :after AND d.subscriber <= :through
AND d.batch = :batch AND d.state IN (0, 2)
ORDER BY d.subscriber LIMIT :limit

-- name: record_alike
-- One outcome for the whole range of a batch of which nothing was recorded yet. No ON CONFLICT:
-- a second row for a delivery is a violation and must raise.
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT :message::bigint, :channel::integer, s.subscriber,
    CASE WHEN s.to_epoch > :now THEN :state::smallint ELSE 4 END,
    CASE WHEN s.to_epoch > :now THEN :reason::smallint ELSE :unsubscribed::smallint END,
    :batch::bigint, :attempt::integer, 1, NULL
FROM subscription s
WHERE s.category = :category AND s.channel = :channel::integer AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch

-- name: closed_in_range
SELECT count(*) FROM subscription s
WHERE s.category = :category AND s.channel = :channel AND s.subscriber > :after AND s.subscriber <= :through
AND s.from_epoch <= :epoch AND s.to_epoch > :epoch AND s.to_epoch <= :now

-- name: record_waiting
UPDATE delivery d SET state = :state::smallint, reason = :reason::smallint, batch = :batch::bigint, attempt = :attempt::integer, detail = r.detail
FROM unnest(:subscribers::bigint[], :details::text[]) AS r(subscriber, detail)
WHERE d.message = :message AND d.channel = :channel AND d.subscriber = r.subscriber AND d.state IN (0, 2)

-- name: repoint
-- The halves of a split retry take their rows with them.
UPDATE delivery SET batch = :child WHERE message = :message AND channel = :channel
AND subscriber BETWEEN :first AND :last AND batch = :batch AND state IN (0, 2)
