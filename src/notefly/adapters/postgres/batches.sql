-- The clock of leases is this server's, unless a reading of another is given (a test's).

-- name: next_unplanned
-- Small before big: a message that was begun waits until those behind it had a turn.
SELECT u.message, u.channel, u.subscriber, m.category, m.epoch, m.only_subscriber
FROM unplanned u JOIN message m ON m.key = u.message
WHERE u.message > $1 ORDER BY u.message LIMIT $2

-- name: to_plan
-- The same for whoever plans them: each message is planned by one at a time.
SELECT u.message, u.channel, u.subscriber, m.category, m.epoch, m.only_subscriber
FROM unplanned u JOIN message m ON m.key = u.message
WHERE u.message > $1 ORDER BY u.message LIMIT $2 FOR UPDATE OF u SKIP LOCKED

-- name: channels
SELECT key, name FROM channel ORDER BY key

-- name: planned_so_far
UPDATE unplanned SET channel = $1, subscriber = $2 WHERE message = $3

-- name: planned
DELETE FROM unplanned WHERE message = ANY ($1::bigint[])

-- name: range_full
-- The last member of a full range, straight from the index.
SELECT subscriber FROM subscription
WHERE category = $1 AND channel = $2 AND subscriber > $3 AND from_epoch <= $4 AND to_epoch > $5
ORDER BY subscriber LIMIT 1 OFFSET $6

-- name: range_rest
SELECT count(*), min(subscriber), max(subscriber) FROM subscription
WHERE category = $1 AND channel = $2 AND subscriber > $3 AND from_epoch <= $4 AND to_epoch > $5

-- name: range_one
SELECT count(*), min(subscriber), max(subscriber) FROM subscription
WHERE category = $1 AND channel = $2 AND subscriber = $3 AND from_epoch <= $4 AND to_epoch > $5

-- name: add_planned
INSERT INTO batch (message, channel, kind, first, last, size)
SELECT r.message, r.channel, 0, r.first, r.last, r.size
FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::integer[]) WITH ORDINALITY
    AS r(message, channel, first, last, size, n)
ORDER BY r.n RETURNING key

-- name: add_child
INSERT INTO batch (message, channel, kind, first, last, size, parent, round, state, base, attempts, spent, deaths, due_at,
    expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING key

-- name: read
-- Batches, the audiences that they are a part of, and whether they may still be handed over.
SELECT b.key, b.message, b.channel, b.kind, b.first, b.last, b.size, b.round, b.state, b.base, b.attempts, b.spent,
    b.deaths, b.due_at, b.expires_at, b.delivered, b.dead, b.cancelled, b.moved, m.category, m.epoch,
    m.expires_at, m.cancelled_at, (SELECT value FROM meta WHERE name = 'epoch')
FROM unnest($1::bigint[]) AS k(key) JOIN batch b ON b.key = k.key LEFT JOIN message m ON m.key = b.message

-- name: held
-- A batch and its audience, for whoever changes it next: who holds the batch's row is alone with its members.
SELECT b.key, b.message, b.channel, b.kind, b.first, b.last, b.size, b.round, b.state, b.base, b.attempts, b.spent,
    b.deaths, b.due_at, b.expires_at, b.delivered, b.dead, b.cancelled, b.moved, m.category, m.epoch
FROM batch b LEFT JOIN message m ON m.key = b.message WHERE b.key = $1 FOR UPDATE OF b

-- name: asked
-- What somebody else holds at this moment counts as leased, unless it is over.
WITH held AS MATERIALIZED (
    SELECT b.key, b.state, b.due_at, b.size - b.delivered - b.dead - b.cancelled - b.moved AS remaining,
        b.attempts, b.spent, b.deaths, b.expires_at
    FROM batch b WHERE b.key = ANY ($1::bigint[]) FOR UPDATE SKIP LOCKED
)
SELECT b.key, b.message, c.name, CASE WHEN h.key IS NOT NULL THEN h.state WHEN b.state = 3 THEN 3 ELSE 1 END,
    h.due_at, h.remaining, h.attempts, h.spent, h.deaths, h.expires_at, m.expires_at, m.cancelled_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS k(key, n)
JOIN batch b ON b.key = k.key JOIN message m ON m.key = b.message JOIN channel c ON c.key = b.channel
LEFT JOIN held h ON h.key = k.key
ORDER BY k.n

-- name: lease
UPDATE batch SET state = 1, attempts = attempts + 1, due_at = NULL,
    lease_until = coalesce($1::float8, extract(epoch FROM clock_timestamp())::float8) + $2::float8
WHERE key = ANY ($3::bigint[])

-- name: begin_attempts
INSERT INTO attempt (batch, number, worker, claimed_at)
SELECT b.key, b.attempts, $1, $2 FROM batch b WHERE b.key = ANY ($3::bigint[])

-- name: messages
SELECT m.key, m.id, c.name, m.epoch, m.accepted_at, m.expires_at, CASE WHEN m.only_subscriber IS NOT NULL THEN coalesce(p.id, '') END, m.title, m.body
FROM message m JOIN category c ON c.key = m.category
LEFT JOIN subscriber p ON p.key = m.only_subscriber
WHERE m.key = ANY ($1::bigint[])

-- name: end_attempt
UPDATE attempt SET ended_at = $1, ending = $2, started_at = $3, epoch = $4, detail = $5 WHERE batch = $6 AND number = $7

-- name: add_handover
INSERT INTO handover (batch, number, first, last, started_at, epoch, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: settle
UPDATE batch SET state = $1, spent = $2, deaths = $3, due_at = $4, ended_at = $5, lease_until = NULL,
    delivered = $6, dead = $7, cancelled = $8, moved = $9 WHERE key = $10

-- name: extend
UPDATE batch SET lease_until = coalesce($1::float8, extract(epoch FROM clock_timestamp())::float8) + $2::float8
WHERE key = $3 AND state = 1 AND attempts = $4

-- name: end_standstills
-- Neither a timeout nor a cancel reaches a server process that waits for the rest of a COPY. No statement takes as long.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = current_setting('application_name') AND usename = current_user AND datname = current_database()
AND state = 'active' AND wait_event IN ('ClientRead', 'ClientWrite') AND query_start < clock_timestamp() - make_interval(secs => $1::float8)

-- name: expired_leases
-- A server that was away kept everybody from keeping theirs: the living have a moment to do so.
SELECT key, attempts FROM batch WHERE state = 1
AND lease_until <= coalesce($1::float8, extract(epoch FROM clock_timestamp())::float8)
AND ($1::float8 IS NOT NULL OR clock_timestamp() > pg_postmaster_start_time() + interval '4 s') ORDER BY key

-- name: still_expired
-- What somebody else holds at this moment is being reported, kept or taken over.
SELECT b.key, b.attempts FROM batch b WHERE b.key = ANY ($1::bigint[])
AND b.state = 1 AND b.lease_until <= coalesce($2::float8, extract(epoch FROM clock_timestamp())::float8)
ORDER BY b.key FOR UPDATE SKIP LOCKED

-- name: to_stop
SELECT b.key FROM batch b JOIN message m ON m.key = b.message
WHERE b.state < 3 AND b.state <> 1
AND (m.cancelled_at IS NOT NULL OR coalesce(b.expires_at, m.expires_at) <= $1) LIMIT $2

-- name: ref
SELECT message, channel, size - delivered - dead - cancelled - moved, due_at FROM batch WHERE key = $1

-- name: bring_forward
UPDATE batch SET due_at = greatest(due_at - :back::bigint, :now::bigint)
WHERE state < 3 AND state = 2 AND due_at > :now::bigint RETURNING key

-- name: unfinished_first
SELECT b.key, b.message, b.channel, b.size - b.delivered - b.dead - b.cancelled - b.moved, b.due_at
FROM batch b WHERE b.state < 3 ORDER BY b.message, b.key LIMIT $1

-- name: unfinished_next
SELECT b.key, b.message, b.channel, b.size - b.delivered - b.dead - b.cancelled - b.moved, b.due_at
FROM batch b WHERE b.state < 3 AND (b.message, b.key) > ((SELECT message FROM batch WHERE key = $1), $1)
ORDER BY b.message, b.key LIMIT $2

-- name: tell
-- The last statement of a transaction: the counter of events is held from here to the commit, so
-- that ids follow the commits. It comes before the tallies, whose rows everybody shares too.
WITH counter AS (
    UPDATE meta SET value = value + cardinality($1::bigint[]) WHERE name = 'event'
    RETURNING value - cardinality($1::bigint[]) AS before
), fact AS (
    SELECT counter.before + f.n AS id, f.* FROM counter CROSS JOIN unnest($1::bigint[], $2::bigint[], $3::integer[],
        $4::smallint[], $5::integer[], $6::bigint[], $7::boolean[]) WITH ORDINALITY
        AS f(at, message, channel, state, deliveries, subscriber, terminal, n)
), told AS (
    INSERT INTO event (id, at, message, channel, state, deliveries, subscriber)
    SELECT id, at, message, channel, state, deliveries, subscriber FROM fact
)
INSERT INTO tally (channel, state, deliveries)
SELECT channel, state, sum(deliveries) FROM fact WHERE terminal GROUP BY channel, state
ON CONFLICT (channel, state) DO UPDATE SET deliveries = tally.deliveries + excluded.deliveries
