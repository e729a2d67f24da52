-- API keys, by the SHA-256 of what was shown once. Revoked ones stay, so that no id comes back.
CREATE TABLE api_key (
    key bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    created_at bigint NOT NULL,
    revoked_at bigint,
    id text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    scopes text NOT NULL,
    digest bytea NOT NULL
);

-- What signatures are made with: `link`.
CREATE TABLE secret (name text PRIMARY KEY, value bytea NOT NULL);
