-- name: by_id
SELECT key, id, name, categories, channels, overrides, mock, created_at, updated_at,
    (SELECT coalesce(json_object_agg(a.kind, a.value), '{}')::text FROM address a
        WHERE a.subscriber = p.key AND a.to_epoch = 9223372036854775807)
FROM subscriber p WHERE id = $1

-- name: page
SELECT key, id, name, categories, channels, overrides, mock, created_at, updated_at,
    (SELECT coalesce(json_object_agg(a.kind, a.value), '{}')::text FROM address a
        WHERE a.subscriber = p.key AND a.to_epoch = 9223372036854775807)
FROM subscriber p WHERE key > $1 AND id IS NOT NULL ORDER BY key LIMIT $2

-- name: found
-- In "C", lower() is of A to Z alone.
SELECT key, id, name, categories, channels, overrides, mock, created_at, updated_at,
    (SELECT coalesce(json_object_agg(a.kind, a.value), '{}')::text FROM address a
        WHERE a.subscriber = p.key AND a.to_epoch = 9223372036854775807)
FROM subscriber p WHERE key > $1 AND id IS NOT NULL
    AND (strpos(lower(id COLLATE "C"), lower($2::text COLLATE "C")) > 0
        OR strpos(lower(name COLLATE "C"), lower($3::text COLLATE "C")) > 0) ORDER BY key LIMIT $4

-- name: taken
SELECT id FROM subscriber WHERE id = ANY (SELECT json_array_elements_text($1::json))

-- name: last_key
-- Whoever adds holds the epoch, so nobody else does in the meantime.
SELECT coalesce(max(key), 0) FROM subscriber

-- name: add
INSERT INTO subscriber (key, id, name, categories, channels, overrides, mock, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: change
UPDATE subscriber SET name = $1, categories = $2, channels = $3, overrides = $4, mock = $5, updated_at = $6
WHERE key = $7

-- name: open_choices
SELECT category, channel FROM subscription WHERE subscriber = $1 AND to_epoch = 9223372036854775807

-- name: open_choice
INSERT INTO subscription (category, channel, subscriber, from_epoch, to_epoch)
VALUES ($1, $2, $3, $4, 9223372036854775807)

-- name: close_choice
UPDATE subscription SET to_epoch = $1
WHERE category = $2 AND channel = $3 AND subscriber = $4 AND to_epoch = 9223372036854775807

-- name: open_address
INSERT INTO address (subscriber, kind, from_epoch, to_epoch, value) VALUES ($1, $2, $3, 9223372036854775807, $4)

-- name: close_address
UPDATE address SET to_epoch = $1 WHERE subscriber = $2 AND kind = $3 AND to_epoch = 9223372036854775807

-- name: erase
-- The key stays, and with it the intervals: what was delivered still adds up.
UPDATE subscriber SET id = NULL, name = NULL, categories = '[]', channels = '[]', overrides = '{}',
    erased_at = $1, updated_at = $2 WHERE key = $3

-- name: forget_addresses
DELETE FROM address WHERE subscriber = $1

-- name: audience
SELECT c.name, count(*) FROM subscription s JOIN channel c ON c.key = s.channel
WHERE s.category = $1 AND s.to_epoch = 9223372036854775807 AND ($2::bigint IS NULL OR s.subscriber = $3::bigint)
GROUP BY c.name

-- name: audience_people
SELECT count(DISTINCT subscriber) FROM subscription
WHERE category = $1 AND to_epoch = 9223372036854775807 AND ($2::bigint IS NULL OR subscriber = $3::bigint)

-- name: audience_sample
SELECT p.id FROM subscriber p WHERE p.id IS NOT NULL AND ($1::bigint IS NULL OR p.key = $2::bigint) AND EXISTS (
    SELECT 1 FROM subscription s WHERE s.subscriber = p.key AND s.category = $3 AND s.to_epoch = 9223372036854775807
) ORDER BY p.key LIMIT $4
