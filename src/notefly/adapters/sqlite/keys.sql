-- name: add
INSERT INTO api_key (id, name, scopes, digest, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING

-- name: list
SELECT id, name, scopes, created_at, revoked_at, digest FROM api_key ORDER BY key

-- name: by_id
SELECT id, name, scopes, created_at, revoked_at, digest FROM api_key WHERE id = ?

-- name: revoke
UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL

-- name: link_secret
SELECT value FROM secret WHERE name = 'link'

-- name: keep_link_secret
INSERT INTO secret (name, value) VALUES ('link', ?) ON CONFLICT (name) DO NOTHING
