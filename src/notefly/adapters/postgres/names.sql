-- name: find_category
SELECT key FROM category WHERE name = $1

-- name: make_category
-- Where another process makes it in the same moment, this waits for its commit and takes its key.
INSERT INTO category (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING key

-- name: all_category
SELECT key, name FROM category

-- name: find_channel
SELECT key FROM channel WHERE name = $1

-- name: make_channel
INSERT INTO channel (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING key

-- name: all_channel
SELECT key, name FROM channel
