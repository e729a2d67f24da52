-- name: last_key
-- The message counter, held until the commit: keys follow the commits, so that whoever reads on
-- behind a key misses nothing, and what was accepted before can be seen from here on.
SELECT value FROM meta WHERE name = 'message' FOR UPDATE

-- name: moment
-- The epoch, held until the commit: a change of choices waits for it. And where partitions end, and
-- what of the server would make the commit worth nothing: it may have been set since it was asked.
SELECT value, (SELECT value FROM meta WHERE name = 'delivery'),
    current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')
FROM meta WHERE name = 'epoch' FOR SHARE

-- name: trusted
-- The same without the epoch, for whoever only wants to know.
SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')

-- name: keys_taken
SELECT i.owner, i.key, i.fingerprint, i.first_message, i.messages
FROM unnest($1::text[], $2::text[]) AS k(owner, key) JOIN idempotency i ON i.owner = k.owner AND i.key = k.key

-- name: key_taken
SELECT fingerprint, first_message, messages FROM idempotency WHERE owner = $1 AND key = $2

-- name: ids_from
SELECT id, accepted_at FROM message WHERE key >= $1 ORDER BY key LIMIT $2

-- name: subscriber_key
SELECT key FROM subscriber WHERE id = $1

-- name: accept
-- Messages, where their planning stands, the counter and idempotency keys: as much work for the
-- server's parser with a thousand requests as with one.
WITH counted AS (
    UPDATE meta SET value = value + cardinality(:keys::bigint[]) WHERE name = 'message'
), accepted AS (
    INSERT INTO message (key, id, category, accepted_at, expires_at, only_subscriber, title, body, epoch)
    SELECT *, :epoch::bigint FROM unnest(:keys::bigint[], :ids::uuid[], :categories::integer[], :times::bigint[],
        :expiries::bigint[], :onlies::bigint[], :titles::text[], :bodies::text[])
), planned AS (
    INSERT INTO unplanned (message) SELECT unnest(:keys::bigint[])
)
INSERT INTO idempotency (owner, key, fingerprint, first_message, messages)
SELECT * FROM unnest(:owners::text[], :taken::text[], :fingerprints::bytea[], :firsts::bigint[], :counts::integer[])

-- name: by_id
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.id = $1

-- name: newest
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.key < $1 ORDER BY m.key DESC LIMIT $2

-- name: newest_in_category
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.category = $1 AND m.key < $2 ORDER BY m.epoch DESC, m.key DESC LIMIT $3

-- name: after
-- Test messages concern one person and are in no public stream.
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, NULL, m.title, m.body, m.cancelled_at
FROM message m JOIN category c ON c.key = m.category
WHERE m.key > $1 AND m.only_subscriber IS NULL AND ($2::text IS NULL OR c.name = $3::text) ORDER BY m.key LIMIT $4

-- name: key_of
SELECT key FROM message WHERE id = $1

-- name: unplanned
SELECT message FROM unplanned WHERE message = ANY ($1::bigint[])

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
    bool_or(b.state < 3),
    count(*) FILTER (WHERE b.kind = 0)
FROM batch b JOIN channel c ON c.key = b.channel
WHERE b.message = ANY ($1::bigint[]) GROUP BY b.message, b.channel, c.name ORDER BY b.message, b.channel

-- name: cancel
-- After the end there is nothing to stop, and a later replay must not find it stopped.
UPDATE message SET cancelled_at = $1 WHERE key = $2 AND cancelled_at IS NULL
AND (EXISTS (SELECT 1 FROM unplanned WHERE message = $2)
    OR EXISTS (SELECT 1 FROM batch WHERE message = $2 AND state < 3))

-- name: wake_waiting
-- What waits for a retry need not wait to be cancelled.
UPDATE batch SET state = 0, due_at = NULL WHERE message = $1 AND state = 2
