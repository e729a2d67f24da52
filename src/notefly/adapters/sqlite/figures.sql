-- name: messages
SELECT coalesce(max(key), 0) FROM message

-- name: subscribers
SELECT count(*) FROM subscriber WHERE id IS NOT NULL

-- name: subscribers_ever
SELECT coalesce(max(key), 0) FROM subscriber

-- name: deliveries
SELECT c.name, t.state, t.deliveries FROM tally t JOIN channel c ON c.key = t.channel

-- name: channels
SELECT c.name, c.paused,
    coalesce(sum(b.state = 0 AND b.spent = 0), 0), coalesce(sum(b.state = 1), 0), coalesce(sum(b.state = 2 OR (b.state = 0 AND b.spent > 0)), 0),
    coalesce(sum(b.size - b.delivered - b.dead - b.cancelled - b.moved), 0), min(b.message)
FROM channel c LEFT JOIN batch b INDEXED BY batch_open ON b.channel = c.key AND b.state < 3
GROUP BY c.key ORDER BY c.key

-- name: waiting
SELECT (SELECT count(*) FROM unplanned)
    + coalesce((SELECT sum(size - delivered - dead - cancelled - moved) FROM batch INDEXED BY batch_open WHERE state < 3), 0)

-- name: accepted_at
SELECT accepted_at FROM message WHERE key = ?

-- name: pause
UPDATE channel SET paused = ? WHERE name = ?

-- name: paused
SELECT name FROM channel WHERE paused

-- name: last_event
-- Not max(id): when everything was forgotten, what comes next still goes on from here.
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)

-- name: first_event
SELECT min(id) FROM event

-- name: events
SELECT e.id, e.at, m.id, k.name, c.name, e.state, e.deliveries, e.subscriber, p.id
FROM event e JOIN message m ON m.key = e.message JOIN category k ON k.key = m.category
JOIN channel c ON c.key = e.channel LEFT JOIN subscriber p ON p.key = e.subscriber
WHERE e.id > ? ORDER BY e.id LIMIT ?

-- name: forget_events
DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ? OR at < ?

-- name: skip_events
-- Ids only go up: after a restore, those that were given since the backup are not given again.
DELETE FROM sqlite_sequence WHERE name = 'event'; INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)
