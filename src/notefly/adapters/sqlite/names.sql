-- name: find_category
SELECT key FROM category WHERE name = ?

-- name: make_category
INSERT INTO category (name) VALUES (?)

-- name: all_category
SELECT key, name FROM category

-- name: find_channel
SELECT key FROM channel WHERE name = ?

-- name: make_channel
INSERT INTO channel (name) VALUES (?)

-- name: all_channel
SELECT key, name FROM channel
