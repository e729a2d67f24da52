-- name: by_id
SELECT key, id, name, categories, channels, overrides, mock, created_at, updated_at,
    (SELECT json_group_object(a.kind, a.value) FROM address a
        WHERE a.subscriber = subscriber.key AND a.to_epoch = 9223372036854775807)
FROM subscriber WHERE id = ?

-- name: page
SELECT key, id, name, categories, channels, overrides, mock, created_at, updated_at,
    (SELECT json_group_object(a.kind, a.value) FROM address a
        WHERE a.subscriber = subscriber.key AND a.to_epoch = 9223372036854775807)
FROM subscriber WHERE key > ? AND id IS NOT NULL ORDER BY key LIMIT ?

-- name: found
-- lower() is of A to Z alone here.
SELECT key, id, name, categories, channels, overrides, mock, created_at, updated_at,
    (SELECT json_group_object(a.kind, a.value) FROM address a
        WHERE a.subscriber = subscriber.key AND a.to_epoch = 9223372036854775807)
FROM subscriber WHERE key > ? AND id IS NOT NULL
    AND (instr(lower(id), lower(?)) OR instr(lower(name), lower(?))) ORDER BY key LIMIT ?

-- name: taken
SELECT id FROM subscriber WHERE id IN (SELECT value FROM json_each(?))

-- name: last_key
SELECT coalesce(max(key), 0) FROM subscriber

-- name: add
INSERT INTO subscriber (key, id, name, categories, channels, overrides, mock, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: change
UPDATE subscriber SET name = ?, categories = ?, channels = ?, overrides = ?, mock = ?, updated_at = ?
WHERE key = ?

-- name: open_choices
SELECT category, channel FROM subscription WHERE subscriber = ? AND to_epoch = 9223372036854775807

-- name: open_choice
INSERT INTO subscription (category, channel, subscriber, from_epoch, to_epoch)
VALUES (?, ?, ?, ?, 9223372036854775807)

-- name: close_choice
UPDATE subscription SET to_epoch = ?
WHERE category = ? AND channel = ? AND subscriber = ? AND to_epoch = 9223372036854775807

-- name: open_address
INSERT INTO address (subscriber, kind, from_epoch, to_epoch, value) VALUES (?, ?, ?, 9223372036854775807, ?)

-- name: close_address
UPDATE address SET to_epoch = ? WHERE subscriber = ? AND kind = ? AND to_epoch = 9223372036854775807

-- name: erase
-- The key stays, and with it the intervals: what was delivered still adds up.
UPDATE subscriber SET id = NULL, name = NULL, categories = '[]', channels = '[]', overrides = '{}',
    erased_at = ?, updated_at = ? WHERE key = ?

-- name: forget_addresses
DELETE FROM address WHERE subscriber = ?

-- name: audience
SELECT c.name, count(*) FROM subscription s JOIN channel c ON c.key = s.channel
WHERE s.category = ? AND s.to_epoch = 9223372036854775807 AND (? IS NULL OR s.subscriber = ?)
GROUP BY s.channel

-- name: audience_people
SELECT count(DISTINCT subscriber) FROM subscription
WHERE category = ? AND to_epoch = 9223372036854775807 AND (? IS NULL OR subscriber = ?)

-- name: audience_sample
SELECT p.id FROM subscriber p WHERE p.id IS NOT NULL AND (? IS NULL OR p.key = ?) AND EXISTS (
    SELECT 1 FROM subscription s WHERE s.subscriber = p.key AND s.category = ? AND s.to_epoch = 9223372036854775807
) ORDER BY p.key LIMIT ?
