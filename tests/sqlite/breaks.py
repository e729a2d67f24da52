"""What breaks a store by hand, statement by statement, for the audit to find."""

from dataclasses import dataclass

ONE = """(message, channel, subscriber) = (
    SELECT message, channel, subscriber FROM delivery WHERE state = 1 LIMIT 1)"""
CANCELLED = """(message, channel, subscriber) = (
    SELECT message, channel, subscriber FROM delivery WHERE state = 4 LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class Break:
    """A statement that breaks a part of an invariant, and what else it cannot help breaking."""

    part: str
    statement: str
    also: str = ""


BROKEN = [
    Break("I1_planned", "UPDATE batch SET size = size + 1 WHERE key = 1", "I8"),
    Break(
        "I1_planned",
        """INSERT INTO batch (message, channel, kind, first, last, size, state)
        SELECT message, channel, 0, first, last, size, 0 FROM batch WHERE key = 1""",
    ),
    Break("I1_planned", "UPDATE subscription SET from_epoch = 100 WHERE subscriber = 2", "I2"),
    Break("I1_whole", "DELETE FROM batch WHERE key = (SELECT key FROM batch WHERE unstarted)"),
    Break("I1_members", "DELETE FROM delivery WHERE this", "I3"),
    Break("I1_members", "UPDATE batch SET delivered = 0 WHERE key = 1", "I3 I8"),
    Break("I2_deliveries", "DELETE FROM message WHERE key = 1"),
    Break("I2_deliveries", "UPDATE delivery SET subscriber = 77 WHERE this", "I1 I3"),
    Break("I2_deliveries", "UPDATE message SET only_subscriber = 1 WHERE key = 1", "I1"),
    Break("I2_batches", "DELETE FROM message WHERE key = 3"),
    Break("I2_batches", "DELETE FROM channel WHERE name = 'sms'"),
    Break("I3_rows", "UPDATE delivery SET state = 4, reason = 4 WHERE this"),
    Break(
        "I3_rows", "UPDATE batch SET delivered = delivered - 1, dead = dead + 1 WHERE key = 1", "I8"
    ),
    Break("I3_states", "UPDATE delivery SET batch = batch + 500 WHERE this", "I5"),
    Break("I3_states", "UPDATE delivery SET reason = 1 WHERE this"),
    Break("I3_states", "UPDATE delivery SET reason = 2 WHERE cancelled"),
    Break("I3_states", "UPDATE delivery SET state = 7 WHERE this"),
    Break("I3_states", "UPDATE delivery SET round = 9 WHERE round = 2"),
    Break("I3_states", "DELETE FROM earlier_round"),
    Break("I3_rounds", "UPDATE earlier_round SET round = 5"),
    Break("I3_rounds", "UPDATE earlier_round SET reason = 5"),
    Break("I3_rounds", "UPDATE earlier_round SET subscriber = 77 + message + channel + subscriber"),
    Break("I4_numbers", "DELETE FROM attempt WHERE batch = 1 AND number = 1", "I5"),
    Break("I4_numbers", "UPDATE attempt SET number = 5 WHERE batch = 1", "I5"),
    Break("I4_numbers", "UPDATE batch SET attempts = attempts + 1 WHERE key = 1", "I5"),
    Break(
        "I4_lineage", "UPDATE batch SET base = 3, attempts = attempts + 3 WHERE parent > 0", "I5"
    ),
    Break("I4_lineage", "UPDATE batch SET parent = 999 WHERE parent > 0", "I8"),
    Break("I4_lineage", "UPDATE batch SET parent = NULL WHERE parent > 0", "I8"),
    Break("I4_deliveries", "UPDATE delivery SET attempt = 9 WHERE this", "I5"),
    Break("I4_orphans", "UPDATE attempt SET batch = 999 WHERE batch = 1", "I5"),
    Break("I5_called", "UPDATE attempt SET started_at = NULL WHERE batch = 1"),
    Break("I5_called", "UPDATE attempt SET ended_at = NULL WHERE batch = 1", "I6"),
    Break("I5_called", "DELETE FROM handover WHERE first = 1", "I6"),
    Break("I5_handovers", "UPDATE handover SET batch = 999", "I6"),
    Break("I5_handovers", "UPDATE handover SET last = last + 1"),
    Break(
        "I5_handovers",
        "UPDATE attempt SET started_at = 1 WHERE batch IN (SELECT batch FROM handover)",
    ),
    Break(
        "I5_again",
        """INSERT INTO attempt
        (batch, number, worker, claimed_at, started_at, epoch, ended_at, ending)
        SELECT batch, number + 1, worker, claimed_at, started_at, epoch, ended_at, ending
        FROM attempt WHERE batch = 1;
        UPDATE batch SET attempts = attempts + 1 WHERE key = 1""",
    ),
    Break("I6_open", "UPDATE attempt SET ended_at = NULL, ending = NULL WHERE batch = 1", "I5"),
    Break("I6_late", "UPDATE attempt SET ending = 'died', started_at = NULL WHERE batch = 1", "I5"),
    Break("I7_messages", "UPDATE idempotency SET messages = 9 WHERE key = 'o'"),
    Break("I7_messages", "UPDATE idempotency SET first_message = 999 WHERE key = 'k'"),
    Break("I7_overlap", "UPDATE idempotency SET messages = 4 WHERE key = 'm'"),
    Break("I7_request", "UPDATE message SET body = body || '!' WHERE body = 'x'"),
    Break("I7_request", "UPDATE message SET title = NULL WHERE title IS NOT NULL"),
    Break("I7_request", "UPDATE message SET expires_at = expires_at + 1"),
    Break("I7_request", "UPDATE message SET body = 'line 3' WHERE body = 'line 1'"),
    Break("I7_request", "UPDATE subscriber SET id = 'b2' WHERE id = 'a'"),
    Break("I8_tally", "UPDATE tally SET deliveries = deliveries + 1 WHERE state = 1"),
    Break("I8_tally", "DELETE FROM tally"),
    Break("I8_batches", "UPDATE batch SET delivered = delivered + 1 WHERE key = 1", "I1 I3"),
    Break("I8_batches", "UPDATE batch SET state = 3 WHERE state = 0"),
    Break("I8_batches", "UPDATE batch SET moved = moved - 1 WHERE moved > 0", "I1"),
    Break("I8_totals", "UPDATE batch SET moved = moved + 1 WHERE moved > 0", "I1"),
    Break("I9_batches", "UPDATE batch SET lease_until = NULL WHERE state = 1"),
    Break("I9_batches", "UPDATE batch SET due_at = NULL WHERE state = 2"),
    Break("I9_batches", "UPDATE batch SET state = 7 WHERE state = 0"),
    Break("I9_waiting", "UPDATE delivery SET state = 2, reason = NULL WHERE this", "I3"),
    Break("I9_unplanned", "INSERT INTO unplanned (message) VALUES (999)"),
    Break("I10_known", "UPDATE attempt SET epoch = 1000000"),
    Break("I10_late", "UPDATE epoch SET at = at - 3600000000"),
]
