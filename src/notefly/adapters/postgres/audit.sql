-- The promise, part by part. Each statement gives rows of: how many it looked at, what is wrong (NULL
-- where all is well), and which message, channel and subscriber that is about.
-- The second line says what is counted and by which key a long run is cut into short ones. Nothing is
-- sorted: groups follow the key that is walked along.

-- name: I1_planned
-- Looks at batches by batch.
-- A planned batch holds as many as its range has of the audience, and no two of them overlap.
SELECT 1, CASE
    WHEN b.size <> b.audience THEN format('batch %s was planned for %s, its range has %s of the audience', b.key, b.size, b.audience)
    WHEN b.twin IS NOT NULL THEN format('batches %s and %s both hold subscriber %s', b.key, b.twin, b.last) END,
    b.message, b.channel, NULL
FROM (SELECT b.key, b.message, b.channel, b.last, b.size,
    (SELECT count(*) FROM subscription s WHERE s.category = m.category AND s.channel = b.channel
        AND s.subscriber BETWEEN b.first AND b.last AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch) AS audience,
    (SELECT o.key FROM batch o WHERE o.message = b.message AND o.channel = b.channel AND o.kind = 0
        AND o.first BETWEEN b.first AND b.last AND o.key <> b.key) AS twin
    FROM batch b JOIN message m ON m.key = b.message
    WHERE b.key > :after AND b.key <= :through AND b.kind = 0) b

-- name: I1_whole
-- Looks at messages by message.
-- What was planned of a message is its whole audience: the choices open at its epoch.
SELECT (m.channel = (SELECT min(key) FROM channel))::integer,
    CASE WHEN m.planned <> m.audience THEN format('%s planned, %s in the audience', m.planned, m.audience) END,
    m.key, m.channel, NULL
FROM (SELECT m.key, c.key AS channel,
    (SELECT coalesce(sum(b.size), 0) FROM batch b WHERE b.message = m.key AND b.channel = c.key AND b.kind = 0) AS planned,
    (SELECT count(*) FROM subscription s WHERE s.category = m.category AND s.channel = c.key
        AND s.subscriber BETWEEN coalesce(m.only_subscriber, 0) AND coalesce(m.only_subscriber, 4611686018427387904)
        AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch) AS audience
    FROM message m CROSS JOIN channel c
    WHERE m.key > :after AND m.key <= :through AND NOT EXISTS (SELECT 1 FROM unplanned u WHERE u.message = m.key)) m

-- name: I1_members
-- Looks at members of audiences by batch.
-- Whoever of the audience has no delivery is left in a batch that is open: after draining, nobody.
SELECT p.members, CASE WHEN p.without <> p.open THEN
    format('%s of the audience in batch %s have no delivery, %s are still to be delivered', p.without, p.key, p.open) END,
    p.message, p.channel, p.one
FROM (SELECT b.key, b.message, b.channel, count(*) AS members, count(*) FILTER (WHERE d.state IS NULL) AS without,
    min(CASE WHEN d.state IS NULL THEN s.subscriber END) AS one,
    (SELECT coalesce(sum(o.size - o.delivered - o.dead - o.cancelled - o.moved), 0) FROM batch o WHERE o.message = b.message
        AND o.channel = b.channel AND o.kind IN (0, 1) AND o.first BETWEEN b.first AND b.last) AS open
    FROM batch b JOIN message m ON m.key = b.message
    JOIN subscription s ON s.category = m.category AND s.channel = b.channel
        AND s.subscriber BETWEEN b.first AND b.last AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch
    LEFT JOIN delivery d ON d.message = b.message AND d.channel = b.channel AND d.subscriber = s.subscriber
    WHERE b.key > :after AND b.key <= :through AND b.kind = 0 GROUP BY b.key) p

-- name: I2_deliveries
-- Looks at deliveries by message.
-- No delivery without an accepted message and a choice that was open at its epoch.
SELECT d.looked, CASE WHEN d.one IS NOT NULL THEN 'belongs to no audience' END, d.message, d.channel, d.one
FROM (SELECT d.message, d.channel, count(*) AS looked, min(CASE
    WHEN m.key IS NULL OR m.only_subscriber <> d.subscriber OR NOT EXISTS (SELECT 1 FROM subscription s
        WHERE s.category = m.category AND s.channel = d.channel AND s.subscriber = d.subscriber
        AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch) THEN d.subscriber END) AS one
    FROM delivery d LEFT JOIN message m ON m.key = d.message
    WHERE d.message > :after AND d.message <= :through GROUP BY d.message, d.channel) d

-- name: I2_batches
-- Looks at batches by batch.
-- And no work for a message that was not accepted.
SELECT 1, CASE
    WHEN m.key IS NULL THEN format('batch %s is for a message that does not exist', b.key)
    WHEN c.key IS NULL THEN format('batch %s is for a channel that does not exist', b.key) END, b.message, b.channel, NULL
FROM batch b LEFT JOIN message m ON m.key = b.message LEFT JOIN channel c ON c.key = b.channel
WHERE b.key > :after AND b.key <= :through

-- name: I3_rows
-- Looks at deliveries by batch.
-- A batch recorded exactly as many ends as there are rows that name it.
SELECT b.looked, CASE WHEN b.rows_delivered <> b.delivered OR b.rows_dead + b.reopened <> b.dead
    OR b.rows_cancelled <> b.cancelled OR b.rows_open <> b.open
    THEN format('batch %s recorded %s delivered, %s dead, %s cancelled; its rows say %s, %s, %s, and %s wait', b.key,
        b.delivered, b.dead, b.cancelled, b.rows_delivered, b.rows_dead + b.reopened, b.rows_cancelled, b.rows_open) END,
    b.message, b.channel, NULL
FROM (SELECT b.key, b.message, b.channel, b.delivered, b.dead, b.cancelled, count(d.message) AS looked,
    count(*) FILTER (WHERE d.state = 1) AS rows_delivered, count(*) FILTER (WHERE d.state = 3) AS rows_dead, count(*) FILTER (WHERE d.state = 4) AS rows_cancelled,
    count(*) FILTER (WHERE d.state IN (0, 2)) AS rows_open,
    (SELECT count(*) FROM earlier_round r WHERE r.message = b.message AND r.channel = b.channel
        AND r.subscriber BETWEEN b.first AND b.last AND r.batch = b.key) AS reopened,
    CASE WHEN b.kind IN (2, 3, 4) THEN b.size - b.delivered - b.dead - b.cancelled - b.moved ELSE 0 END AS open
    FROM batch b LEFT JOIN delivery d ON d.message = b.message AND d.channel = b.channel
        AND d.subscriber BETWEEN b.first AND b.last AND d.batch = b.key
    WHERE b.key > :after AND b.key <= :through GROUP BY b.key) b

-- name: I3_states
-- Looks at deliveries by message.
-- Every row is in one state of its batch's round, for a reason that fits, in a batch that spans it.
SELECT d.looked, CASE d.mark & 1 WHEN 0 THEN 'names a batch that is not its own'
    WHEN 1 THEN 'is in a state or round that cannot be' END, d.message, d.channel, d.mark >> 1
FROM (SELECT d.message, d.channel, count(*) AS looked, min(CASE
    WHEN b.key IS NULL OR b.message <> d.message OR b.channel <> d.channel OR d.subscriber NOT BETWEEN b.first AND b.last
        THEN d.subscriber << 1
    WHEN d.round <> b.round OR CASE d.state WHEN 1 THEN d.reason IS NOT NULL
        WHEN 3 THEN coalesce(d.reason NOT BETWEEN 0 AND 3, true) WHEN 4 THEN coalesce(d.reason NOT IN (4, 5), true)
        ELSE d.state NOT IN (0, 2) OR d.reason IS NOT NULL END
    OR (d.round > 1 AND d.round - 1 <> (SELECT count(*) FROM earlier_round r
        WHERE r.message = d.message AND r.channel = d.channel AND r.subscriber = d.subscriber))
        THEN d.subscriber << 1 | 1 END) AS mark
    FROM delivery d LEFT JOIN batch b ON b.key = d.batch
    WHERE d.message > :after AND d.message <= :through GROUP BY d.message, d.channel) d

-- name: I3_rounds
-- Looks at rounds by message.
-- A round ends once, and only what was dead is opened again.
SELECT r.looked, CASE
    WHEN r.newest IS NULL OR r.newest <> r.looked + 1 OR r.last <> r.looked THEN format('in round %s after %s earlier ones, the last of them %s',
        r.newest, r.looked, r.last)
    WHEN r.alive > 0 THEN 'opened again, and was not dead' END, r.message, r.channel, r.subscriber
FROM (SELECT r.message, r.channel, r.subscriber, count(*) AS looked, max(r.round) AS last,
    count(*) FILTER (WHERE coalesce(r.reason NOT BETWEEN 0 AND 3, true)) AS alive, (SELECT d.round FROM delivery d
        WHERE d.message = r.message AND d.channel = r.channel AND d.subscriber = r.subscriber) AS newest
    FROM earlier_round r WHERE r.message > :after AND r.message <= :through GROUP BY r.message, r.channel, r.subscriber) r

-- name: I4_numbers
-- Looks at attempts by batch.
-- The attempts of a batch are numbered without gaps, going on where its parent's stood.
SELECT b.looked, CASE WHEN b.looked <> b.attempts - b.base OR (b.looked > 0 AND (b.lowest <> b.base + 1 OR b.highest <> b.attempts))
    THEN format('batch %s has %s attempts, %s to %s, and says %s after %s', b.key, b.looked,
        coalesce(b.lowest::text, '-'), coalesce(b.highest::text, '-'), b.attempts, b.base) END, b.message, b.channel, NULL
FROM (SELECT b.key, b.message, b.channel, b.base, b.attempts, count(a.number) AS looked, min(a.number) AS lowest, max(a.number) AS highest
    FROM batch b LEFT JOIN attempt a ON a.batch = b.key WHERE b.key > :after AND b.key <= :through GROUP BY b.key) b

-- name: I4_lineage
-- Looks at batches by batch.
-- The first of a lineage begins at nothing, and every other goes on from an attempt of its parent.
SELECT 1, CASE
    WHEN b.parent IS NULL AND (b.base <> 0 OR b.kind <> 0) THEN format('batch %s goes on from attempt %s of nothing', b.key, b.base)
    WHEN b.parent IS NOT NULL AND (p.key IS NULL OR p.key >= b.key OR p.message <> b.message OR p.channel <> b.channel
        OR b.first < p.first OR b.last > p.last) THEN format('batch %s cannot come from batch %s', b.key, b.parent)
    WHEN b.base NOT BETWEEN p.base AND p.attempts
        THEN format('batch %s goes on from attempt %s of batch %s, which has %s to %s', b.key, b.base, p.key, p.base, p.attempts) END,
    b.message, b.channel, NULL
FROM batch b LEFT JOIN batch p ON p.key = b.parent WHERE b.key > :after AND b.key <= :through

-- name: I4_deliveries
-- Looks at deliveries by message.
-- What ended, ended in an attempt of its lineage.
SELECT d.looked, CASE WHEN d.one IS NOT NULL THEN 'ended in an attempt that its batch never had' END, d.message, d.channel, d.one
FROM (SELECT d.message, d.channel, count(*) AS looked, min(CASE
    WHEN d.state NOT IN (0, 2) AND d.attempt NOT BETWEEN b.base AND b.attempts THEN d.subscriber END) AS one
    FROM delivery d JOIN batch b ON b.key = d.batch
    WHERE d.message > :after AND d.message <= :through GROUP BY d.message, d.channel) d

-- name: I4_orphans
-- Looks at attempts by batch.
-- And every attempt is one of a batch.
SELECT a.looked, CASE WHEN b.key IS NULL THEN format('%s attempts of batch %s, which does not exist', a.looked, a.batch) END, NULL, NULL, NULL
FROM (SELECT batch, count(*) AS looked FROM attempt WHERE batch > :after AND batch <= :through GROUP BY batch) a
LEFT JOIN batch b ON b.key = a.batch

-- name: I5_called
-- Looks at deliveries by message.
-- Nothing is delivered or refused without an attempt that ended, and a hand-over that it was in.
SELECT d.looked, CASE WHEN d.one IS NOT NULL THEN 'ended without a call' END, d.message, d.channel, d.one
FROM (SELECT d.message, d.channel, count(*) AS looked, min(CASE
    WHEN (d.state = 1 OR (d.state = 3 AND d.reason IN (0, 2))) AND (a.ended_at IS NULL OR (a.started_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM handover h WHERE h.batch = d.batch AND h.number = d.attempt
            AND h.first <= d.subscriber AND h.last >= d.subscriber))) THEN d.subscriber END) AS one
    FROM delivery d LEFT JOIN attempt a ON a.batch = d.batch AND a.number = d.attempt
    WHERE d.message > :after AND d.message <= :through GROUP BY d.message, d.channel) d

-- name: I5_handovers
-- Looks at hand-overs by batch.
-- Nobody is handed over twice in an attempt, or without one: calls are never more than attempts.
SELECT 1, CASE
    WHEN a.batch IS NULL THEN format('a hand-over of attempt %s of batch %s, which does not exist', h.number, h.batch)
    WHEN a.started_at IS NOT NULL THEN format('attempt %s of batch %s was handed over whole, and in parts', h.number, h.batch)
    WHEN EXISTS (SELECT 1 FROM handover o WHERE o.batch = h.batch AND o.number = h.number AND o.first > h.first AND o.first <= h.last)
        THEN format('attempt %s of batch %s handed somebody over twice', h.number, h.batch) END,
    (SELECT b.message FROM batch b WHERE b.key = h.batch), (SELECT b.channel FROM batch b WHERE b.key = h.batch), NULL
FROM handover h LEFT JOIN attempt a ON a.batch = h.batch AND a.number = h.number
WHERE h.batch > :after AND h.batch <= :through

-- name: I5_again
-- Looks at batches by batch.
-- Nobody is called again whose end is recorded: the last attempt of a finished batch had somebody left.
SELECT 1, CASE WHEN b.state = 3 AND b.attempts > b.base
    AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = b.message AND d.channel = b.channel
        AND d.subscriber BETWEEN b.first AND b.last AND d.batch = b.key AND d.attempt = b.attempts)
    AND NOT EXISTS (SELECT 1 FROM earlier_round r WHERE r.message = b.message AND r.channel = b.channel
        AND r.subscriber BETWEEN b.first AND b.last AND r.batch = b.key AND r.attempt = b.attempts)
    AND NOT EXISTS (SELECT 1 FROM batch c WHERE c.message = b.message AND c.channel = b.channel
        AND c.first BETWEEN b.first AND b.last AND c.parent = b.key AND c.base = b.attempts)
    THEN format('batch %s had attempt %s after everybody in it had ended', b.key, b.attempts) END, b.message, b.channel, NULL
FROM batch b WHERE b.key > :after AND b.key <= :through

-- name: I6_open
-- Looks at attempts by batch.
-- Only the newest attempt of a leased batch may still be open: every other one is fenced off.
SELECT 1, CASE WHEN a.ended_at IS NULL AND (a.number < b.attempts OR b.state <> 1)
    THEN format('attempt %s of batch %s is open beside attempt %s', a.number, a.batch, b.attempts) END, b.message, b.channel, NULL
FROM attempt a JOIN batch b ON b.key = a.batch WHERE a.batch > :after AND a.batch <= :through

-- name: I6_late
-- Looks at attempts by batch.
-- What an attempt brought after it was taken from its worker is not in the log. (A channel that died
-- leaves hand-overs, and reason 3 is poison: these were recorded by whoever held the lease.)
SELECT 1, CASE WHEN a.ending IN ('interrupted', 'died') AND EXISTS (SELECT 1 FROM delivery d
    WHERE d.message = b.message AND d.channel = b.channel AND d.subscriber BETWEEN b.first AND b.last
    AND d.batch = b.key AND d.attempt = a.number AND (d.state = 1 OR (d.state = 3 AND d.reason IN (0, 2)))
    AND NOT EXISTS (SELECT 1 FROM handover h WHERE h.batch = a.batch AND h.number = a.number
        AND h.first <= d.subscriber AND h.last >= d.subscriber))
    THEN format('attempt %s of batch %s was taken over, and its late result is in the log', a.number, a.batch) END, b.message, b.channel, NULL
FROM attempt a JOIN batch b ON b.key = a.batch WHERE a.batch > :after AND a.batch <= :through

-- name: I7_messages
-- Looks at keys.
-- An idempotency key stands for messages that are all there.
SELECT 1, CASE WHEN i.stored <> i.messages OR i.messages < 1 THEN format('key %s of ''%s'' stands for %s messages, %s are there',
    i.key, i.owner, i.messages, i.stored) END, i.first_message, NULL, NULL
FROM (SELECT i.owner, i.key, i.first_message, i.messages, (SELECT count(*) FROM message m
    WHERE m.key >= i.first_message AND m.key < i.first_message + i.messages) AS stored FROM idempotency i) i

-- name: I7_overlap
-- Looks at keys.
-- And no message belongs to two keys. (The one that sorts: keys by message, on disk.)
SELECT 1, CASE WHEN i.first_message + i.messages > i.next_first THEN format('key %s of ''%s'' and key %s of ''%s'' stand for the same message',
    i.key, i.owner, i.next_key, i.next_owner) END, i.next_first, NULL, NULL
FROM (SELECT owner, key, first_message, messages, lead(owner) OVER w AS next_owner, lead(key) OVER w AS next_key,
    lead(first_message) OVER w AS next_first FROM idempotency WINDOW w AS (ORDER BY first_message)) i

-- name: I7_request
-- Looks at requests.
-- And for one request: the hash it was taken with is the hash of what is stored. Each row is a key and
-- its messages in order; audit.py makes of it what the other statements give.
SELECT i.key, i.owner, i.first_message, i.fingerprint,
    json_agg(json_build_array(c.name, m.title, m.body, m.expires_at, m.only_subscriber, p.id) ORDER BY m.key)::text
FROM idempotency i JOIN message m ON m.key >= i.first_message AND m.key < i.first_message + i.messages
JOIN category c ON c.key = m.category LEFT JOIN subscriber p ON p.key = m.only_subscriber
GROUP BY i.owner, i.key

-- name: I8_batches
-- Looks at batches by batch.
-- What a batch was given is what it ended, moved on, and still has.
SELECT 1, CASE WHEN b.moved <> b.children OR b.lowest < 0 OR b.done > b.size OR (b.state = 3) <> (b.done = b.size)
    THEN format('batch %s of %s: %s delivered, %s dead, %s cancelled, %s moved (its children hold %s), in state %s', b.key, b.size,
        b.delivered, b.dead, b.cancelled, b.moved, b.children, b.state) END, b.message, b.channel, NULL
FROM (SELECT b.*, b.delivered + b.dead + b.cancelled + b.moved AS done, least(b.delivered, b.dead, b.cancelled, b.moved) AS lowest,
    (SELECT coalesce(sum(c.size), 0) FROM batch c WHERE c.message = b.message AND c.channel = b.channel
        AND c.first BETWEEN b.first AND b.last AND c.parent = b.key AND c.kind <> 3) AS children
    FROM batch b WHERE b.key > :after AND b.key <= :through) b

-- name: I8_totals
-- Looks at batches by message.
-- A message's total is what waits, what is under way and what has ended: replays begin anew what was dead.
SELECT b.looked, CASE WHEN b.total <> b.parts THEN format('%s in total, %s in all states', b.total, b.parts) END, b.message, b.channel, NULL
FROM (SELECT b.message, b.channel, count(*) AS looked, coalesce(sum(CASE WHEN b.kind = 0 THEN b.size END), 0) AS total,
    coalesce(sum(b.delivered + b.dead + b.cancelled), 0) - coalesce(sum(CASE WHEN b.kind = 3 THEN b.size END), 0)
        + coalesce(sum(b.size - b.delivered - b.dead - b.cancelled - b.moved), 0) AS parts
    FROM batch b WHERE b.message > :after AND b.message <= :through GROUP BY b.message, b.channel) b

-- name: I8_tally
-- Looks at batches.
-- The running totals are the sums of the batches, all of one moment.
SELECT c.looked, CASE WHEN c.delivered <> c.tally_delivered OR c.dead <> c.tally_dead OR c.cancelled <> c.tally_cancelled
    THEN format('%s delivered, %s dead, %s cancelled by batch; the totals say %s, %s, %s',
        c.delivered, c.dead, c.cancelled, c.tally_delivered, c.tally_dead, c.tally_cancelled) END, NULL, c.key, NULL
FROM (SELECT c.key, count(b.key) AS looked, coalesce(sum(b.delivered), 0) AS delivered, coalesce(sum(b.dead), 0) AS dead, coalesce(sum(b.cancelled), 0) AS cancelled,
    (SELECT coalesce(sum(t.deliveries), 0) FROM tally t WHERE t.channel = c.key AND t.state = 1) AS tally_delivered,
    (SELECT coalesce(sum(t.deliveries), 0) FROM tally t WHERE t.channel = c.key AND t.state = 3) AS tally_dead,
    (SELECT coalesce(sum(t.deliveries), 0) FROM tally t WHERE t.channel = c.key AND t.state = 4) AS tally_cancelled
    FROM channel c LEFT JOIN batch b ON b.channel = c.key GROUP BY c.key) c

-- name: I9_batches
-- Looks at batches by batch.
-- Whatever is open will be looked at again: it is ready, or leased until some time, or due at some time.
SELECT 1, CASE WHEN (b.state = 1 AND b.lease_until IS NULL) OR (b.state = 2 AND b.due_at IS NULL) OR b.state NOT BETWEEN 0 AND 3
    THEN format('batch %s is in state %s, and nothing will ever look at it', b.key, b.state) END, b.message, b.channel, NULL
FROM batch b WHERE b.key > :after AND b.key <= :through

-- name: I9_waiting
-- Looks at waiting deliveries by message.
-- Whoever waits, waits in a batch that is open and takes its members from rows.
SELECT 1, CASE WHEN b.key IS NULL OR b.state = 3 OR b.kind IN (0, 1)
    THEN format('waits in batch %s, which will not look at it', d.batch) END, d.message, d.channel, d.subscriber
FROM delivery d LEFT JOIN batch b ON b.key = d.batch
WHERE d.state IN (0, 2) AND d.state <> 1 AND d.message > :after AND d.message <= :through

-- name: I9_unplanned
-- Looks at messages.
SELECT 1, CASE WHEN m.key IS NULL THEN 'waits to be planned, and does not exist' END, u.message, NULL, NULL
FROM unplanned u LEFT JOIN message m ON m.key = u.message

-- name: I10_known
-- Looks at deliveries of closed choices.
-- Nobody was handed over whose choice had been taken back by the epoch that the hand-over had read.
SELECT s.looked, CASE WHEN s.odd > 0 THEN format('%s deliveries were handed over at or after epoch %s, in which the choice was taken back', s.odd, s.to_epoch) END,
    s.message, s.channel, s.subscriber
FROM (SELECT s.channel, s.subscriber, s.to_epoch, count(*) AS looked, count(*) FILTER (WHERE coalesce(a.epoch, h.epoch) >= s.to_epoch) AS odd,
    min(CASE WHEN coalesce(a.epoch, h.epoch) >= s.to_epoch THEN m.key END) AS message
    FROM subscription s
    JOIN message m ON m.category = s.category AND m.epoch >= s.from_epoch AND m.epoch < s.to_epoch
    JOIN delivery d ON d.message = m.key AND d.channel = s.channel AND d.subscriber = s.subscriber
        AND (d.state = 1 OR (d.state = 3 AND d.reason IN (0, 2, 3)))
    LEFT JOIN attempt a ON a.batch = d.batch AND a.number = d.attempt
    LEFT JOIN handover h ON h.batch = d.batch AND h.number = d.attempt AND h.first <= d.subscriber AND h.last >= d.subscriber
    WHERE s.to_epoch < 9223372036854775807
    GROUP BY s.category, s.channel, s.subscriber, s.from_epoch) s

-- name: I10_late
-- Looks at deliveries of closed choices.
-- Nobody was handed over, in any attempt of the lineage, more than a second after the change that took
-- the choice back was durable. Both times are wall clocks', of the processes that wrote them.
SELECT 1, CASE WHEN s.late > s.closed_at + 1000000
    THEN format('handed over %s s after the choice was taken back', round((s.late - s.closed_at) / 1e6, 3)) END,
    s.message, s.channel, s.subscriber
FROM (SELECT s.channel, s.subscriber, s.closed_at, m.key AS message, (
    WITH RECURSIVE line (batch, attempt) AS (SELECT d.batch, d.attempt
        UNION ALL SELECT b.parent, b.base FROM line JOIN batch b ON b.key = line.batch WHERE b.parent IS NOT NULL)
    SELECT max(coalesce(a.started_at, h.started_at)) FROM line JOIN batch b ON b.key = line.batch
    JOIN attempt a ON a.batch = line.batch AND a.number > b.base AND a.number <= line.attempt
    LEFT JOIN handover h ON h.batch = a.batch AND h.number = a.number AND h.first <= d.subscriber AND h.last >= d.subscriber
    WHERE coalesce(a.epoch, h.epoch) < s.to_epoch) AS late
    FROM (SELECT s.*, (SELECT e.at FROM epoch e WHERE e.number >= s.to_epoch ORDER BY e.number LIMIT 1) AS closed_at
        FROM subscription s WHERE s.to_epoch < 9223372036854775807) s
    JOIN message m ON m.category = s.category AND m.epoch >= s.from_epoch AND m.epoch < s.to_epoch
    JOIN delivery d ON d.message = m.key AND d.channel = s.channel AND d.subscriber = s.subscriber
    WHERE s.closed_at IS NOT NULL) s
