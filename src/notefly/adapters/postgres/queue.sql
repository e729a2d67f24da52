-- Turns, as in start-time fair queueing (Goyal, Vin, Cheng 1996): on each channel a message's next batch
-- comes one behind its last one, and where there is none, one behind the head of the channel. So a small
-- message that is offered behind a thousand batches of another one comes right after the head.
-- The clock is this server's, unless a reading of another is given (a test's).
-- Rows are locked in the order of their batches, or are left out when they are locked.

-- name: holder
SELECT gen_random_uuid()

-- name: offer
-- A walk over everything unfinished offers what is there already: that is found by reading only.
WITH offered AS MATERIALIZED (
    SELECT o.* FROM unnest(:batches::bigint[], :messages::bigint[], :channels::text[], :sizes::integer[],
        :dues::bigint[], :delays::float8[]) AS o(batch, message, channel, size, due_at, delay)
    WHERE NOT EXISTS (
        SELECT FROM queue q WHERE q.batch = o.batch AND q.holder IS NULL AND q.size = o.size
        AND q.due_at IS NOT DISTINCT FROM o.due_at
    )
), head AS MATERIALIZED (
    SELECT c.channel, coalesce((SELECT min(q.turn) FROM queue q WHERE q.channel = c.channel AND q.turn IS NOT NULL), 0) AS turn
    FROM (SELECT DISTINCT channel FROM offered) AS c
), line AS MATERIALIZED (
    SELECT m.message, m.channel, greatest(h.turn, (
        SELECT max(q.turn) FROM queue q WHERE q.message = m.message AND q.channel = m.channel AND q.turn IS NOT NULL
    )) AS turn
    FROM (SELECT DISTINCT message, channel FROM offered) AS m JOIN head h ON h.channel = m.channel
), put AS (
    INSERT INTO queue AS q (batch, message, channel, size, due_at, turn, visible_at)
    SELECT o.batch, o.message, o.channel, o.size, o.due_at,
        CASE WHEN o.delay <= 0 THEN l.turn + row_number() OVER (PARTITION BY o.message, o.channel, o.delay <= 0 ORDER BY o.batch) END,
        CASE WHEN o.delay > 0 THEN coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8) + o.delay END
    FROM offered o JOIN line l ON l.message = o.message AND l.channel = o.channel
    ORDER BY o.batch
    ON CONFLICT (batch) DO UPDATE SET size = excluded.size, due_at = excluded.due_at,
        turn = CASE WHEN q.holder IS NULL THEN excluded.turn END,
        visible_at = CASE WHEN q.holder IS NULL THEN excluded.visible_at ELSE q.visible_at END,
        again_at = CASE WHEN q.holder IS NOT NULL THEN coalesce(excluded.visible_at, 0) END
    RETURNING q.channel
)
SELECT DISTINCT channel FROM put

-- name: receive
-- As many as were asked for by number from each channel, then by size: channels take turns too. What
-- is locked and not taken is free again at the end of this statement.
WITH head AS MATERIALIZED (
    SELECT h.*, row_number() OVER (PARTITION BY c.channel ORDER BY h.turn, h.batch) AS place
    FROM unnest(:channels::text[]) AS c(channel) CROSS JOIN LATERAL (
        SELECT q.batch, q.turn, q.size FROM queue q WHERE q.channel = c.channel AND q.turn IS NOT NULL
        ORDER BY q.turn, q.batch LIMIT :batches::bigint FOR UPDATE SKIP LOCKED
    ) AS h
), measured AS (
    SELECT batch, place, turn, sum(size) OVER (ORDER BY place, turn, batch) - size AS before FROM head
), taken AS (
    UPDATE queue q SET turn = NULL, holder = :holder::uuid,
        visible_at = coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8) + :silence::float8
    FROM measured m WHERE q.batch = m.batch AND m.before < :rows::bigint
    RETURNING m.place, m.turn, q.batch, q.message, q.channel, q.size, q.due_at
)
SELECT batch, message, channel, size, due_at FROM taken ORDER BY place, turn, batch

-- name: ack
WITH mine AS MATERIALIZED (
    SELECT q.batch, q.again_at FROM queue q WHERE q.batch = ANY (:batches::bigint[]) AND q.holder = :holder::uuid
    ORDER BY q.batch FOR UPDATE
), deleted AS (
    DELETE FROM queue q USING mine m WHERE q.batch = m.batch AND m.again_at IS NULL
)
UPDATE queue q SET holder = NULL, visible_at = m.again_at, again_at = NULL
FROM mine m WHERE q.batch = m.batch AND m.again_at IS NOT NULL
RETURNING q.batch

-- name: nack
WITH mine AS MATERIALIZED (
    SELECT q.batch FROM queue q WHERE q.batch = ANY (:batches::bigint[]) AND q.holder = :holder::uuid
    ORDER BY q.batch FOR UPDATE
)
UPDATE queue q SET holder = NULL, again_at = NULL, visible_at = greatest(again_at,
    coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8) + :delay::float8)
FROM mine m WHERE q.batch = m.batch

-- name: keep
WITH mine AS MATERIALIZED (
    SELECT q.batch FROM queue q WHERE q.batch = ANY (:batches::bigint[]) AND q.holder = :holder::uuid
    ORDER BY q.batch FOR UPDATE
)
UPDATE queue q SET visible_at = coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8) + :silence::float8
FROM mine m WHERE q.batch = m.batch

-- name: promote
-- What is due, or was held by somebody who fell silent, gets its turn as if it were offered now.
WITH due AS MATERIALIZED (
    SELECT q.batch, q.message, q.channel,
        CASE WHEN q.again_at > coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8) THEN q.again_at END AS later
    FROM queue q WHERE q.visible_at <= coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8)
    ORDER BY q.visible_at LIMIT :batches::bigint FOR UPDATE SKIP LOCKED
), head AS MATERIALIZED (
    SELECT c.channel, coalesce((SELECT min(q.turn) FROM queue q WHERE q.channel = c.channel AND q.turn IS NOT NULL), 0) AS turn
    FROM (SELECT DISTINCT channel FROM due) AS c
), line AS MATERIALIZED (
    SELECT m.message, m.channel, greatest(h.turn, (
        SELECT max(q.turn) FROM queue q WHERE q.message = m.message AND q.channel = m.channel AND q.turn IS NOT NULL
    )) AS turn
    FROM (SELECT DISTINCT message, channel FROM due) AS m JOIN head h ON h.channel = m.channel
), placed AS (
    SELECT d.batch, d.later, l.turn + row_number() OVER (PARTITION BY d.message, d.channel ORDER BY d.batch) AS turn
    FROM due d JOIN line l ON l.message = d.message AND l.channel = d.channel
)
UPDATE queue q SET holder = NULL, again_at = NULL, turn = CASE WHEN p.later IS NULL THEN p.turn END, visible_at = p.later
FROM placed p WHERE q.batch = p.batch
RETURNING q.batch

-- name: look
-- Channels on which something may be handed out, and seconds until more may.
SELECT array(SELECT c.channel FROM unnest(:channels::text[]) AS c(channel) WHERE EXISTS (
        SELECT FROM queue q WHERE q.channel = c.channel AND q.turn IS NOT NULL
    )) AS ready,
    (SELECT min(q.visible_at) FROM queue q WHERE q.visible_at IS NOT NULL)
        - coalesce(:now::float8, extract(epoch FROM statement_timestamp())::float8) AS due_in

-- name: depth
SELECT count(*) FROM queue

-- name: ready
SELECT FROM queue LIMIT 1
