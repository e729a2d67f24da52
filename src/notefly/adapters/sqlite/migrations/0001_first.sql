-- The first schema. Integers inside, names and UUIDs at the edge.
-- Times are microseconds since 1970-01-01 UTC; leases are monotonic seconds of the running process.

CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', 1);

CREATE TABLE category (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE channel (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL DEFAULT 0);

-- A person. Erasure empties everything but the key, so that counts still add up.
CREATE TABLE subscriber (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE,
    name TEXT,
    categories TEXT NOT NULL,
    channels TEXT NOT NULL,
    overrides TEXT NOT NULL,
    mock INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    erased_at INTEGER
);

-- Revisions of addresses, as intervals of epochs: a delivery resolves to the one of its hand-over.
CREATE TABLE address (
    subscriber INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_epoch INTEGER NOT NULL,
    to_epoch INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (subscriber, kind, from_epoch)
) WITHOUT ROWID;

-- The choices, as intervals of epochs: open at E when from_epoch <= E < to_epoch.
CREATE TABLE subscription (
    category INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    subscriber INTEGER NOT NULL,
    from_epoch INTEGER NOT NULL,
    to_epoch INTEGER NOT NULL,
    PRIMARY KEY (category, channel, subscriber, from_epoch)
) WITHOUT ROWID;
-- One person's history: what to close on a change, and their part of the log without an index on it.
CREATE INDEX subscription_by_subscriber ON subscription (subscriber, category, channel, from_epoch, to_epoch);

CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    category INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    expires_at INTEGER,
    only_subscriber INTEGER,
    cancelled_at INTEGER,
    title TEXT,
    body TEXT NOT NULL
);
-- Epochs never fall with the key, so this is also the order of acceptance within a category.
CREATE INDEX message_by_category ON message (category, epoch);

-- Where planning of a message stands; no row: planned.
CREATE TABLE unplanned (
    message INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL DEFAULT 0,
    subscriber INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    first_message INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;

-- kind: 0 planned, 1 half of a split one, 2 retry, 3 replay, 4 half of a retry or replay.
-- state: 0 ready, 1 leased, 2 waiting for due_at, 3 finished.
-- Members of 0 and 1: the audience in the range that has no row yet.
-- Members of 2 to 4: the rows in the range that wait (pending or retrying) and name this batch.
-- size = delivered + dead + cancelled + moved (to child batches) + what is left.
CREATE TABLE batch (
    key INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    size INTEGER NOT NULL,
    parent INTEGER,
    round INTEGER NOT NULL DEFAULT 1,
    state INTEGER NOT NULL DEFAULT 0,
    base INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    spent INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    lease_until REAL,
    due_at INTEGER,
    expires_at INTEGER,
    ended_at INTEGER,
    delivered INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    moved INTEGER NOT NULL DEFAULT 0
);
-- The counts and the log of a message.
CREATE INDEX batch_by_message ON batch (message, channel, first);
-- The work that is left.
CREATE INDEX batch_open ON batch (message) WHERE state < 3;

-- A try of a batch, numbered when it is claimed; the number is the fencing token.
-- epoch and started_at stand here when one hand-over covered the batch, else in handover.
CREATE TABLE attempt (
    batch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    worker TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    started_at INTEGER,
    epoch INTEGER,
    ended_at INTEGER,
    ending TEXT,
    detail TEXT,
    PRIMARY KEY (batch, number)
) WITHOUT ROWID;

CREATE TABLE handover (
    batch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (batch, number, first)
) WITHOUT ROWID;

-- The log. state: 0 pending, 1 delivered, 2 retrying, 3 dead, 4 cancelled. No row before the outcome,
-- except for what waits on its own. Channel before subscriber, so that a batch is written in one place.
CREATE TABLE delivery (
    message INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    subscriber INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason INTEGER,
    batch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    round INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (message, channel, subscriber)
) WITHOUT ROWID;
-- What was not simply delivered; costs the others nothing.
CREATE INDEX delivery_exception ON delivery (state, message, channel, subscriber, reason) WHERE state <> 1;

-- How the rounds before a replay ended.
CREATE TABLE earlier_round (
    message INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    subscriber INTEGER NOT NULL,
    round INTEGER NOT NULL,
    reason INTEGER,
    batch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    detail TEXT,
    reopened_at INTEGER NOT NULL,
    PRIMARY KEY (message, channel, subscriber, round)
) WITHOUT ROWID;

-- Terminal states ever recorded, so that no page counts rows. state as in delivery.
CREATE TABLE tally (
    channel INTEGER NOT NULL,
    state INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    PRIMARY KEY (channel, state)
) WITHOUT ROWID;

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    message INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    state INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    subscriber INTEGER
);
