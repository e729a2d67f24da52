"""Recording many batches at once, when nothing in them is per person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from notefly.adapters.postgres.transaction import Transaction
from notefly.adapters.relational.record import is_alike
from notefly.adapters.relational.rows import CODES, StoreBrokenError, reason_code
from notefly.adapters.relational.times import micros
from notefly.adapters.relational.transaction import Fact
from notefly.domain.batch import Report
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey

Alike = tuple[object, ...]
"""What all reports of a group say: epoch and verdict."""


class Fit(NamedTuple):
    """A batch that this attempt still holds; the columns of `fit`."""

    key: int
    message: int
    channel: int
    number: int
    size: int
    last: int
    later: bool


def record_alike(transaction: Transaction, reports: Sequence[Report]) -> set[BatchKey]:
    """Record those that nothing stands against, and say which; the others are untouched."""
    groups: dict[Alike, list[Report]] = {}
    for report in filter(is_alike, reports):
        handed = report.handed[0]
        said = (handed.epoch, handed.default)
        groups.setdefault(said, []).append(report)
    recorded: set[BatchKey] = set()
    for group in groups.values():
        recorded |= Recording(transaction, group).record()
    return recorded


@dataclass(slots=True)
class Recording:
    """One group, as one statement a step."""

    transaction: Transaction
    group: Sequence[Report]

    def record(self) -> set[BatchKey]:
        """Those that are recorded now."""
        handed = self.group[0].handed[0]
        scope = {
            "batches": [report.claim.batch for report in self.group],
            "numbers": [report.claim.token for report in self.group],
            "now": handed.epoch,
            "state": CODES[handed.default.state],
            "reason": reason_code(handed.default.reason),
            "unsubscribed": reason_code(Reason.UNSUBSCRIBED),
            "detail": handed.default.detail,
        }
        fits = [Fit(*row) for row in self.transaction.rows("alike.fit", scope)]
        if not fits:
            return set()
        by_key = {(report.claim.batch, report.claim.token): report for report in self.group}
        reports = [by_key[BatchKey(fit.key), fit.number] for fit in fits]
        scope |= {
            "batches": [fit.key for fit in fits],
            "numbers": [fit.number for fit in fits],
            "started": [micros(report.handed[0].started_at) for report in reports],
            "ended": [micros(report.ended_at) for report in reports],
        }
        written = self.transaction.run("alike.record", scope)
        members = sum(fit.size for fit in fits)
        if written != members:
            # A member without an outcome, or with two: recording it would be a lie.
            raise StoreBrokenError(f"{len(fits)} batches of {members} members gave {written} rows")
        closed = self._closed(fits, scope)
        self.transaction.run(
            "alike.settle", scope | {"closed": [closed.get(f.key, 0) for f in fits]}
        )
        self.transaction.run("alike.end_attempts", scope)
        for fit, report in zip(fits, reports, strict=True):
            self._tell(fit, closed.get(fit.key, 0), report)
        return {BatchKey(fit.key) for fit in fits}

    def _closed(self, fits: Sequence[Fit], scope: dict[str, object]) -> dict[int, int]:
        """How many had left; nobody can have while no choice changed since the message."""
        later = [fit.key for fit in fits if fit.later]
        if not later:
            return {}
        rows = self.transaction.rows("alike.closed", scope | {"batches": later})
        return {row[0]: row[1] for row in rows}

    def _tell(self, fit: Fit, gone: int, report: Report) -> None:
        at, state = micros(report.ended_at), report.handed[0].default.state
        alone = fit.last if fit.size == 1 else None
        self.transaction.tell(
            Fact(at, fit.message, fit.channel, code, n, alone, terminal=True)
            for code, n in ((CODES[state], fit.size - gone), (CODES[State.CANCELLED], gone))
            if n
        )
