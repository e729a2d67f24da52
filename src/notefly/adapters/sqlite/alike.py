"""Recording many batches at once, when nothing in them is per person."""

from collections.abc import Sequence
from datetime import datetime

from notefly.adapters.relational.record import is_alike
from notefly.adapters.relational.rows import CODES, StoreBrokenError, reason_code
from notefly.adapters.relational.times import micros
from notefly.adapters.sqlite.transaction import Transaction
from notefly.domain.batch import Claim, Report
from notefly.domain.delivery import Reason
from notefly.domain.ids import BatchKey

ATTEMPT_BITS = 16
Alike = tuple[object, ...]
"""What all reports of a group say: epoch, state, reason, detail."""


def _fits(report: Report) -> bool:
    return report.claim.token < 1 << ATTEMPT_BITS and is_alike(report)


def record_alike(transaction: Transaction, reports: Sequence[Report]) -> set[BatchKey]:
    """Record those that nothing stands against, and say which; the others are untouched."""
    groups: dict[Alike, list[Report]] = {}
    for report in filter(_fits, reports):
        handed = report.handed[0]
        said = (handed.epoch, handed.default)
        groups.setdefault(said, []).append(report)
    recorded: set[BatchKey] = set()
    for group in groups.values():
        recorded |= _record(transaction, group)
    return recorded


def _record(transaction: Transaction, group: Sequence[Report]) -> set[BatchKey]:
    handed = group[0].handed[0]
    scope = {
        "packed": transaction.keys([packed(report.claim) for report in group]),
        "now": handed.epoch,
        "state": CODES[handed.default.state],
        "reason": reason_code(handed.default.reason),
        "unsubscribed": reason_code(Reason.UNSUBSCRIBED),
        "started_at": micros(handed.started_at),
        "ended_at": micros(group[0].ended_at),
        "detail": handed.default.detail,
    }
    transaction.run("alike.create")
    transaction.run("alike.forget")
    fit = transaction.run("alike.report", scope)
    if differing := [report for report in group if _times(report) != _times(group[0])]:
        times = [(*map(micros, _times(one)), one.claim.batch, one.claim.token) for one in differing]
        transaction.many("alike.times", times)
    members, later = transaction.row("alike.total") or (0, 0)
    record = "alike.record" if later else "alike.record_unchanged"
    written = transaction.run(record, scope) if fit else 0
    if written != members:
        # A member without an outcome, or with two: recording it would be a lie.
        raise StoreBrokenError(f"{fit} batches of {members} members gave {written} rows")
    transaction.waiting -= members
    if later:
        transaction.run("alike.closed", scope)
        transaction.run("alike.add_cancelled_events", scope)
        transaction.run("alike.add_cancelled_tally", scope)
    for name in ("settle", "end_attempts", "add_events", "add_tally"):
        transaction.run(f"alike.{name}", scope)
    if fit == len(group):
        return {report.claim.batch for report in group}
    return {BatchKey(row[0]) for row in transaction.rows("alike.fit")}


def _times(report: Report) -> tuple[datetime, datetime]:
    """Those of one moment share them; whoever was called has their own."""
    return report.handed[0].started_at, report.ended_at


def packed(claim: Claim) -> int:
    """A batch and its attempt in one integer, so that an array of them needs no parsing."""
    return claim.batch << ATTEMPT_BITS | claim.token
