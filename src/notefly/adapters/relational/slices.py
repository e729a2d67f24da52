"""Who is handed over next, as the choices stand at the moment of reading."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notefly.adapters.relational.groups import Groups, Scope
from notefly.adapters.relational.rows import LEASED, Batch
from notefly.adapters.relational.times import micros
from notefly.adapters.relational.transaction import Reading, Row
from notefly.domain.batch import Claim, Recipient
from notefly.domain.ids import BatchKey, Epoch, SubscriberKey
from notefly.ports.batch_store import Slice
from notefly.ports.people import People

ASKED = ("batch", "message", "category", "channel", "after", "through", "epoch", "now", "kind")
"""What `recipients_together` is asked with for each batch, and whether it is untouched."""
AUDIENCE = ("category", "channel", "epoch", "after", "through")
"""Who is in a batch that is untouched, whatever its message; their addresses are of the channel's
kind."""


@dataclass(frozen=True, slots=True)
class Part:
    """A batch, and what is asked about it."""

    batch: Batch
    now: Epoch
    scope: Mapping[str, Any]
    stopped: bool

    @property
    def whole(self) -> bool:
        """Whether all that is left of it fits, and is of the audience."""
        fits: bool = self.batch.left <= self.scope["limit"]
        return fits and not self.stopped and not self.batch.by_rows

    @property
    def audience(self) -> Scope:
        """For `AUDIENCE`; nothing where something was recorded of them."""
        return tuple(self.scope[name] for name in AUDIENCE) if self.batch.untouched else ()

    def asked(self) -> Row:
        """For `ASKED`."""
        return (*(self.scope[name] for name in ASKED), self.batch.untouched)


@dataclass(frozen=True, slots=True)
class Slicing:
    """The next hand-over of batches: of so many people behind `after`, at this time."""

    reading: Reading
    groups: Groups
    kinds: Mapping[str, str]
    after: SubscriberKey
    limit: int
    at: datetime

    def slices(self, claims: Sequence[Claim]) -> list[Slice]:
        """In the order of the claims. Those that need but one are read together."""
        keys = self.reading.keys([claim.batch for claim in claims])
        known = {row[0]: row for row in self.reading.rows("batches.read", (keys,))}
        parts = [self._part(claim, known[claim.batch]) for claim in claims]
        together = [part for part in parts if part.whole]
        people = self._together({part.batch.key: part for part in together})
        return [self._slice(part, people.get(part.batch.key)) for part in parts]

    def _part(self, claim: Claim, row: Row) -> Part:
        *columns, expires_at, cancelled_at, now = row
        batch = Batch(*columns)
        expiry = expires_at if batch.expires_at is None else batch.expires_at
        over = cancelled_at is not None or (expiry is not None and expiry <= micros(self.at))
        stopped = over or batch.state != LEASED or batch.attempts != claim.token
        scope = batch.scope(self.after, batch.last, now) | {
            "kind": self.kinds[claim.channel],
            "limit": self.limit,
        }
        return Part(batch, Epoch(now), scope, stopped)

    def _together(self, parts: Mapping[BatchKey, Part]) -> Mapping[BatchKey, Sequence[Recipient]]:
        """Each audience is read once. A batch that is not in it, because one text cannot tell it,
        is read by rows."""
        if not parts:
            return {}
        known = self.groups.at(next(iter(parts.values())).now, self.reading.undone)
        scopes: dict[BatchKey, Scope] = {
            key: part.audience or (key,) for key, part in parts.items()
        }
        people: dict[Scope, Sequence[Recipient]] = {}
        asked: dict[Scope, Row] = {}
        for key, scope in scopes.items():
            if (found := known.people.get(scope)) is not None:
                people[scope] = found
            else:
                asked.setdefault(scope, parts[key].asked())
        for key, text in self._texts([*asked.values()]):
            scope = scopes[key]
            if text is None:
                people[scope] = []
                continue
            # Somebody's address has a separator in it.
            with suppress(ValueError):
                people[scope] = known.remember(parts[key].audience, People(text))
        return {key: people[scope] for key, scope in scopes.items() if scope in people}

    def _texts(self, asked: Sequence[Row]) -> Sequence[Row]:
        return self.reading.each("members.recipients_together", asked) if asked else ()

    def _slice(self, part: Part, together: Sequence[Recipient] | None) -> Slice:
        batch = part.batch
        people = Recipient.from_rows(self._rows(part)) if together is None else together
        last = part.whole or len(people) < self.limit or people[-1].subscriber == batch.last
        return Slice(
            epoch=part.now,
            after=self.after,
            through=SubscriberKey(batch.last if last else people[-1].subscriber),
            recipients=people,
            last=last,
            stopped=part.stopped,
        )

    def _rows(self, part: Part) -> list[Row]:
        if part.stopped:
            return []
        waiting = part.batch.by_rows
        statement = "members.recipients_waiting" if waiting else "members.recipients_planned"
        return self.reading.rows(statement, part.scope)
