-- The work queue, for when no other is named. It carries hints, so nothing of it is logged ahead or
-- flushed: after a crash of the server, or on a standby that took over, it is empty, and the walk over
-- everything unfinished fills it again.
-- A row has a turn while it may be handed out, and else a time (seconds of the clock of leases) at which
-- it gets one: because it is due later, or because its holder may fall silent.
CREATE UNLOGGED TABLE queue (
    batch bigint PRIMARY KEY,
    message bigint NOT NULL,
    turn bigint,
    visible_at double precision,
    again_at double precision,
    due_at bigint,
    holder uuid,
    size integer NOT NULL,
    channel text COLLATE "C" NOT NULL,
    CHECK ((turn IS NULL) <> (visible_at IS NULL)),
    CHECK (holder IS NULL OR turn IS NULL)
) WITH (
    autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);
COMMENT ON COLUMN queue.again_at IS 'It was offered while it was out: when that counts from.';
COMMENT ON COLUMN queue.due_at IS 'As it was offered, to tell a new offer from a repeated one.';
-- Who is next on a channel.
CREATE INDEX queue_next ON queue (channel, turn, batch) WHERE turn IS NOT NULL;
-- Where a message's batches end.
CREATE INDEX queue_line ON queue (message, channel, turn) WHERE turn IS NOT NULL;
-- What comes back, and when.
CREATE INDEX queue_later ON queue (visible_at) WHERE visible_at IS NOT NULL;
