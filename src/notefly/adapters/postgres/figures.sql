-- name: messages
SELECT value FROM meta WHERE name = 'message'

-- name: subscribers
SELECT count(*) FROM subscriber WHERE id IS NOT NULL

-- name: subscribers_ever
SELECT coalesce(max(key), 0) FROM subscriber

-- name: deliveries
SELECT c.name, t.state, t.deliveries FROM tally t JOIN channel c ON c.key = t.channel

-- name: channels
SELECT c.name, c.paused,
    count(*) FILTER (WHERE b.state = 0 AND b.spent = 0), count(*) FILTER (WHERE b.state = 1),
    count(*) FILTER (WHERE b.state = 2 OR (b.state = 0 AND b.spent > 0)),
    coalesce(sum(b.size - b.delivered - b.dead - b.cancelled - b.moved), 0), min(b.message)
FROM channel c LEFT JOIN batch b ON b.channel = c.key AND b.state < 3
GROUP BY c.key ORDER BY c.key

-- name: waiting
SELECT (SELECT count(*) FROM unplanned)
    + coalesce((SELECT sum(size - delivered - dead - cancelled - moved) FROM batch WHERE state < 3), 0)

-- name: accepted_at
SELECT accepted_at FROM message WHERE key = $1

-- name: pause
UPDATE channel SET paused = $1 WHERE name = $2

-- name: paused
SELECT name FROM channel WHERE paused

-- name: last_event
-- Not max(id): when everything was forgotten, what comes next still goes on from here.
SELECT value FROM meta WHERE name = 'event'

-- name: first_event
SELECT min(id) FROM event

-- name: events
SELECT e.id, e.at, m.id, k.name, c.name, e.state, e.deliveries, e.subscriber, p.id
FROM event e JOIN message m ON m.key = e.message JOIN category k ON k.key = m.category
JOIN channel c ON c.key = e.channel LEFT JOIN subscriber p ON p.key = e.subscriber
WHERE e.id > $1 ORDER BY e.id LIMIT $2

-- name: forget_events
DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - $1::bigint OR at < $2

-- name: commits
-- What every commit that somebody may watch for moves on.
SELECT sum(value) FROM meta
