"""The lines of one place: a message on one channel, in the order of its subscribers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from notefly.adapters.relational.rows import CODES, RETRY, reason_code
from notefly.adapters.relational.standing import Found, Place, Work, all_found, found
from notefly.adapters.relational.transaction import Reading
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import SubscriberKey


@dataclass(frozen=True, slots=True)
class Segment:
    """The wanted members of a place: `after < subscriber <= through`, in any state or one."""

    place: Place
    state: State | None
    reason: Reason | None
    after: int
    through: int

    def read(self, reading: Reading, limit: int) -> list[Found]:
        """At most `limit`, without counting anything that does not match."""
        only = self.place.row[11]
        after = self.after if only is None else max(self.after, only - 1)
        through = self.through if only is None else min(self.through, only)
        scope = self.place.scope | {"after": after, "through": through, "limit": limit}
        if through <= after:
            return []
        if self.state is None:
            rows = reading.rows("deliveries.audience", scope)
            return all_found(reading, self.place, rows)
        if self.state.terminal:
            return self._recorded(reading, scope, self.state)
        return self._open(reading, scope, limit)

    def _recorded(self, reading: Reading, scope: dict[str, Any], state: State) -> list[Found]:
        if state is State.DELIVERED:
            if self.reason is not None or reading.value("deliveries.any_delivered", scope) is None:
                return []
            rows = reading.rows("deliveries.recorded_delivered", scope)
        else:
            scope |= {"state": CODES[state], "reason": reason_code(self.reason)}
            rows = reading.rows("deliveries.recorded_exception", scope)
        return all_found(reading, self.place, rows)

    def _open(self, reading: Reading, scope: dict[str, Any], limit: int) -> list[Found]:
        """Members of the open batches; their ranges may overlap, so the smallest keys win."""
        lines: list[Found] = []
        if self.reason is not None:
            return lines
        for work in (Work(*row) for row in reading.rows("deliveries.open_batches", scope)):
            if len(lines) >= limit and work.first > lines[limit - 1].subscriber:
                break
            if work.standing is self.state:
                lines += self._members(reading, scope, work)
                lines.sort(key=lambda line: line.subscriber)
                del lines[limit:]
        return lines

    def _members(self, reading: Reading, scope: dict[str, Any], work: Work) -> Iterator[Found]:
        after = max(scope["after"], work.first - 1)
        mine = scope | {
            "after": after,
            "through": min(scope["through"], work.last),
            "batch": work.key,
        }
        if work.kind >= RETRY:
            for row in reading.rows("deliveries.open_rows", mine):
                yield found(row, work)
        else:
            for (subscriber,) in reading.rows("deliveries.open_audience", mine):
                row = (SubscriberKey(subscriber), None, None, None, None, None, None)
                yield found(row, work)
