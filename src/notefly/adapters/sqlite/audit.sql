-- Each statement gives the places where an invariant of the promise does not hold, as one text each.

-- name: I1
-- Every planned message has batches for its whole audience: the choices open at its epoch.
SELECT printf('message %d (%s), channel %s: %d planned, %d in the audience', m.key, lower(hex(m.id)), c.name,
    coalesce((SELECT sum(b.size) FROM batch b WHERE b.message = m.key AND b.channel = c.key AND b.kind = 0), 0),
    (SELECT count(*) FROM subscription s WHERE s.category = m.category AND s.channel = c.key
        AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch
        AND (m.only_subscriber IS NULL OR s.subscriber = m.only_subscriber)))
FROM message m CROSS JOIN channel c
WHERE m.key NOT IN (SELECT message FROM unplanned)
AND coalesce((SELECT sum(b.size) FROM batch b WHERE b.message = m.key AND b.channel = c.key AND b.kind = 0), 0)
    <> (SELECT count(*) FROM subscription s WHERE s.category = m.category AND s.channel = c.key
        AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch
        AND (m.only_subscriber IS NULL OR s.subscriber = m.only_subscriber))

-- name: I2
-- No delivery without an accepted message and a choice that was open at its epoch.
SELECT printf('delivery (message %d, channel %d, subscriber %d) belongs to no audience', d.message, d.channel, d.subscriber)
FROM delivery d LEFT JOIN message m ON m.key = d.message
WHERE m.key IS NULL OR (m.only_subscriber IS NOT NULL AND m.only_subscriber <> d.subscriber)
OR NOT EXISTS (SELECT 1 FROM subscription s WHERE s.category = m.category AND s.channel = d.channel
    AND s.subscriber = d.subscriber AND s.from_epoch <= m.epoch AND s.to_epoch > m.epoch)

-- name: I3_rows
-- A batch recorded exactly as many ends as there are rows that name it.
SELECT printf('batch %d: recorded %d delivered, %d dead, %d cancelled; rows say %d, %d, %d; %d wait', b.key,
    b.delivered, b.dead, b.cancelled, sum(coalesce(d.state, 0) = 1),
    sum(coalesce(d.state, 0) = 3) + (SELECT count(*) FROM earlier_round r WHERE r.message = b.message
        AND r.channel = b.channel AND r.subscriber BETWEEN b.first AND b.last AND r.batch = b.key),
    sum(coalesce(d.state, 0) = 4), sum(d.state IS NOT NULL AND d.state IN (0, 2)))
FROM batch b LEFT JOIN delivery d ON d.message = b.message AND d.channel = b.channel
    AND d.subscriber BETWEEN b.first AND b.last AND d.batch = b.key
GROUP BY b.key
HAVING sum(coalesce(d.state, 0) = 1) <> b.delivered
OR sum(coalesce(d.state, 0) = 3) + (SELECT count(*) FROM earlier_round r WHERE r.message = b.message
    AND r.channel = b.channel AND r.subscriber BETWEEN b.first AND b.last AND r.batch = b.key) <> b.dead
OR sum(coalesce(d.state, 0) = 4) <> b.cancelled
OR sum(d.state IS NOT NULL AND d.state IN (0, 2))
    <> CASE WHEN b.kind IN (2, 3, 4) THEN b.size - b.delivered - b.dead - b.cancelled - b.moved ELSE 0 END

-- name: I3_owner
-- Every row names a batch of its own message and channel that spans it.
SELECT printf('delivery (message %d, channel %d, subscriber %d) names batch %d, which is not its own',
    d.message, d.channel, d.subscriber, d.batch)
FROM delivery d LEFT JOIN batch b ON b.key = d.batch
WHERE b.key IS NULL OR b.message <> d.message OR b.channel <> d.channel OR d.subscriber NOT BETWEEN b.first AND b.last

-- name: I3_rounds
-- A round ends once, and only what was dead is opened again.
SELECT printf('delivery (message %d, channel %d, subscriber %d) is in round %d after %d earlier ones',
    d.message, d.channel, d.subscriber, d.round, count(*))
FROM earlier_round r JOIN delivery d ON d.message = r.message AND d.channel = r.channel AND d.subscriber = r.subscriber
GROUP BY d.message, d.channel, d.subscriber HAVING count(*) <> d.round - 1 OR max(r.round) <> d.round - 1

-- name: I4_numbers
-- The attempts of a batch are numbered without gaps, going on where its parent's stood.
SELECT printf('batch %d: attempts %s to %s, %d of them; it says %d after %d', b.key,
    coalesce(min(a.number), '-'), coalesce(max(a.number), '-'), count(a.number), b.attempts, b.base)
FROM batch b LEFT JOIN attempt a ON a.batch = b.key GROUP BY b.key
HAVING count(a.number) <> b.attempts - b.base
OR (count(a.number) > 0 AND (min(a.number) <> b.base + 1 OR max(a.number) <> b.attempts))

-- name: I4_lineage
-- A child goes on from an attempt that its parent had.
SELECT printf('batch %d goes on from attempt %d of batch %d, which has %d to %d', b.key, b.base, p.key, p.base, p.attempts)
FROM batch b JOIN batch p ON p.key = b.parent WHERE b.base > p.attempts OR b.base < p.base

-- name: I5
-- Nothing is delivered or refused without an attempt that ended, and a hand-over that it was in.
SELECT printf('delivery (message %d, channel %d, subscriber %d) ended without a call', d.message, d.channel, d.subscriber)
FROM delivery d LEFT JOIN attempt a ON a.batch = d.batch AND a.number = d.attempt
WHERE (d.state = 1 OR (d.state = 3 AND d.reason IN (0, 2)))
AND (a.batch IS NULL OR a.ended_at IS NULL OR (a.started_at IS NULL AND NOT EXISTS (SELECT 1 FROM handover h
    WHERE h.batch = d.batch AND h.number = d.attempt AND h.first <= d.subscriber AND h.last >= d.subscriber)))

-- name: I6
-- Only the newest attempt of a leased batch may still be open: every other one is fenced off.
SELECT printf('attempt %d of batch %d is open beside attempt %d', a.number, a.batch, b.attempts)
FROM attempt a JOIN batch b ON b.key = a.batch
WHERE a.ended_at IS NULL AND (a.number < b.attempts OR b.state <> 1)

-- name: I7
-- An idempotency key stands for messages that are all there.
SELECT printf('key %s of %s stands for %d messages from %d on, %d are there', i.key, i.owner, i.messages, i.first_message,
    (SELECT count(*) FROM message m WHERE m.key >= i.first_message AND m.key < i.first_message + i.messages))
FROM idempotency i
WHERE (SELECT count(*) FROM message m WHERE m.key >= i.first_message AND m.key < i.first_message + i.messages) <> i.messages

-- name: I7_overlap
-- And no message belongs to two keys.
SELECT printf('key %s of %s and key %s of %s stand for the same message', a.key, a.owner, b.key, b.owner)
FROM (SELECT owner, key, first_message, messages,
    lead(owner) OVER w AS next_owner, lead(key) OVER w AS next_key, lead(first_message) OVER w AS next_first
    FROM idempotency WINDOW w AS (ORDER BY first_message)) a
JOIN idempotency b ON b.owner = a.next_owner AND b.key = a.next_key
WHERE a.first_message + a.messages > a.next_first

-- name: I8_batches
-- What a batch was given is what it ended, moved on, and still has.
SELECT printf('batch %d of %d: %d delivered, %d dead, %d cancelled, %d moved (children hold %d), in state %d', b.key, b.size,
    b.delivered, b.dead, b.cancelled, b.moved, coalesce(sum(c.size), 0), b.state)
FROM batch b LEFT JOIN batch c ON c.parent = b.key AND c.kind <> 3 AND c.message = b.message AND c.channel = b.channel
GROUP BY b.key
HAVING b.moved <> coalesce(sum(c.size), 0) OR b.delivered + b.dead + b.cancelled + b.moved > b.size
OR (b.state = 3) <> (b.delivered + b.dead + b.cancelled + b.moved = b.size)

-- name: I8_tally
-- The running totals are the sums of the batches.
SELECT printf('channel %d: %d delivered, %d dead, %d cancelled by batch; the totals say %d, %d, %d', b.channel,
    sum(b.delivered), sum(b.dead), sum(b.cancelled),
    coalesce((SELECT deliveries FROM tally t WHERE t.channel = b.channel AND t.state = 1), 0),
    coalesce((SELECT deliveries FROM tally t WHERE t.channel = b.channel AND t.state = 3), 0),
    coalesce((SELECT deliveries FROM tally t WHERE t.channel = b.channel AND t.state = 4), 0))
FROM batch b GROUP BY b.channel
HAVING sum(b.delivered) <> coalesce((SELECT deliveries FROM tally t WHERE t.channel = b.channel AND t.state = 1), 0)
OR sum(b.dead) <> coalesce((SELECT deliveries FROM tally t WHERE t.channel = b.channel AND t.state = 3), 0)
OR sum(b.cancelled) <> coalesce((SELECT deliveries FROM tally t WHERE t.channel = b.channel AND t.state = 4), 0)

-- name: I9
-- Whatever is open will be looked at again: it is ready, or leased until some time, or due at some time.
SELECT printf('batch %d is in state %d, and nothing will ever look at it', key, state) FROM batch
WHERE (state = 1 AND lease_until IS NULL) OR (state = 2 AND due_at IS NULL) OR state NOT BETWEEN 0 AND 3
UNION ALL
SELECT printf('message %d waits to be planned, and does not exist', u.message) FROM unplanned u
WHERE u.message NOT IN (SELECT key FROM message)

-- name: I10
-- Nobody was handed over whose choice had been taken back by the epoch of the hand-over.
SELECT printf('delivery (message %d, channel %d, subscriber %d) was handed over at epoch %d, taken back at %d',
    d.message, d.channel, d.subscriber, coalesce(a.epoch, h.epoch), s.to_epoch)
FROM subscription s
JOIN message m ON m.category = s.category AND m.epoch >= s.from_epoch AND m.epoch < s.to_epoch
JOIN delivery d ON d.message = m.key AND d.channel = s.channel AND d.subscriber = s.subscriber
    AND (d.state = 1 OR (d.state = 3 AND d.reason IN (0, 2, 3)))
LEFT JOIN attempt a ON a.batch = d.batch AND a.number = d.attempt
LEFT JOIN handover h ON h.batch = d.batch AND h.number = d.attempt AND h.first <= d.subscriber AND h.last >= d.subscriber
WHERE s.to_epoch < 9223372036854775807 AND coalesce(a.epoch, h.epoch) >= s.to_epoch
