"""Deliver a claimed batch: consent, hand-over, outcome, again and again until it is done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from notefly.application.call import Called, Caller, to_call
from notefly.application.retry import Judge
from notefly.application.stride import GROWTH, HAND_OVER_SECONDS, Stride
from notefly.domain.batch import NOBODY, Begun, Claim, Ending, Handed, Report
from notefly.domain.errors import NoteflyError
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Outcomes, Refused
from notefly.ports.batch_store import BatchStore, Slice
from notefly.ports.channel import Channel, ChannelDied, HandOver
from notefly.ports.clock import Clock
from notefly.ports.people import all_reachable

LOG = logging.getLogger(__name__)
FRESH_SECONDS = 0.1
"""How old consent may be that was read for several hand-overs, when one of them begins."""
READ_TOGETHER = 128
"""Batches: reading them takes a small part of that time, on a server too."""
RECORD_SECONDS = 2.0
"""After this, what others in the group came to is recorded before the rest is begun."""
NO_ADDRESS = Refused("there is no address")


@dataclass(slots=True)
class DeliverBatch:
    """One channel's way of delivering."""

    channel: Channel
    batches: BatchStore
    judge: Judge
    clock: Clock
    deadline_seconds: float
    stopping: Callable[[], bool]
    stride: Stride = field(default_factory=Stride)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One hand-over at a time, from reading consent on: nobody's grows old in a line."""
    caller: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.caller = Caller(
            self.channel, self.clock, self.deadline_seconds, self.stopping, self.stride
        )

    @property
    def rows(self) -> int:
        """Deliveries that may be claimed together."""
        return self.stride.together

    async def group(self, claims: Sequence[Claim]) -> Sequence[Report]:
        """The small ones in one turn; the rest one after the other, or given back if it is late."""
        began = self.clock.monotonic()
        usual = [claim for claim in claims if claim.spent == 1 and not claim.deaths]
        reports = await self._in_one_turn(usual) if len(usual) > 1 else []
        done = {report.claim.batch for report in reports}
        for claim in (claim for claim in claims if claim.batch not in done):
            late = self.stopping() or self.clock.monotonic() - began > RECORD_SECONDS
            if reports and late:
                reports.append(Report(claim, Ending.RELEASED, self.clock.now()))
            else:
                reports.append(await self._guarded(claim, self(claim)))
        return reports

    async def __call__(self, claim: Claim) -> Report:
        """What became of it. Never raises for anything that the channel does."""
        handed: list[Handed] = []
        after = NOBODY
        while True:
            limit = self._limit(claim)
            async with self.turn:
                await self.caller.prepare()
                try:
                    part = await self._consented(claim, after, limit)
                except NoteflyError as error:
                    return Report(claim, Ending.RELEASED, self.clock.now(), handed, str(error))
                ended = await self._one(claim, part, handed)
            if ended is not None:
                return ended
            if self.stopping():
                return Report(claim, Ending.RELEASED, self.clock.now(), handed)
            after = part.through

    async def _one(self, claim: Claim, part: Slice, handed: list[Handed]) -> Report | None:
        """One hand-over; what became of the claim, if it came to its end."""
        if part.stopped:
            # The next claim ends what is left, by the same rule as for everybody else.
            return Report(claim, Ending.RELEASED, self.clock.now(), handed)
        hand_over = to_call(claim, part)
        if hand_over.size:
            called = await self.caller.one(hand_over)
        else:
            now = self.clock.now()
            called = Called(now, now, Outcomes(NO_ADDRESS))
        report = await self._ended(claim, part, handed, called)
        return report if part.last or report.ending is Ending.DIED else None

    async def _ended(
        self, claim: Claim, part: Slice, handed: list[Handed], called: Called
    ) -> Report:
        """What became of the claim, if this was its last hand-over or killed the channel."""
        if isinstance(called.answer, ChannelDied):
            begun = Begun(part.after, part.through, part.epoch, called.started_at)
            why = str(called.answer)
            return Report(claim, Ending.DIED, called.ended_at, handed, why, begun)
        _append(handed, part, self._judged(claim, part, called, called.answer))
        return Report(claim, Ending.FINISHED, called.ended_at, handed)

    def _judged(self, claim: Claim, part: Slice, called: Called, outcomes: Outcomes) -> Handed:
        if not all_reachable(part.recipients):
            missing = {r.subscriber: NO_ADDRESS for r in part.recipients if not r.address}
            outcomes = Outcomes(outcomes.default, {**outcomes.exceptions, **missing})
        size = len(part.recipients)
        return self.judge.handed(claim, part, size, called.started_at, outcomes)

    async def _in_one_turn(self, claims: Sequence[Claim]) -> list[Report]:
        """Those that need but one hand-over, while all is well and what was read is fresh."""
        reports: list[Report] = []
        async with self.turn:
            for n in range(0, len(claims), READ_TOGETHER):
                asked, fresh_seconds = await self._read_together(claims[n : n + READ_TOGETHER])
                called = await self._call_together([one for *_, one in asked], fresh_seconds)
                for (claim, part, _), each in zip(asked, called, strict=False):
                    reports.append(await self._guarded(claim, self._ended(claim, part, [], each)))
                if len(called) < len(asked) or self.stride.troubled or self.stopping():
                    break
        return reports

    async def _call_together(
        self, hand_overs: Sequence[HandOver], begin_within: float
    ) -> list[Called]:
        """A bug costs those before it nothing."""
        try:
            return await self.caller.several(hand_overs, begin_within)
        except Exception:
            LOG.exception("several batches could not be delivered together")
            return []

    async def _guarded(self, claim: Claim, work: Awaitable[Report]) -> Report:
        """A bug costs nobody else in the group what became of them."""
        try:
            return await work
        except Exception as error:
            LOG.exception("a batch on %s could not be delivered", claim.channel)
            return failed(claim, error, self.clock.now())

    async def _read_together(
        self, claims: Sequence[Claim]
    ) -> tuple[Sequence[tuple[Claim, Slice, HandOver]], float]:
        """Those that can be called, and for how long what was read is fresh.

        None, if it cannot be done: then each reads for itself, and has its own trouble.
        """
        try:
            await self.caller.prepare()
            read_at = self.clock.monotonic()
            limit = self.stride.recipients(self.channel.batch_size, 1)
            parts = await self.batches.hand_over(claims, NOBODY, limit, self.clock.now())
        except Exception:  # noqa: BLE001 - whatever it is, it is met again by whom it is about
            return (), 0.0
        whole = [(c, p) for c, p in zip(claims, parts, strict=True) if p.last and not p.stopped]
        asked = [(claim, part, to_call(claim, part)) for claim, part in whole]
        fresh_seconds = FRESH_SECONDS - (self.clock.monotonic() - read_at)
        return [one for one in asked if one[2].size], fresh_seconds

    async def _consented(self, claim: Claim, after: SubscriberKey, limit: int) -> Slice:
        """As the choices stand now: read again, of fewer, if it took so long that they are old.

        So it is when the whole process stood still between reading and calling. Of one alone it
        is read once more, then it goes on.
        """
        last = False
        while True:
            began = self.clock.monotonic()
            [part] = await self.batches.hand_over([claim], after, limit, self.clock.now())
            if last or self.clock.monotonic() - began < HAND_OVER_SECONDS:
                return part
            last, limit = limit == 1, max(1, limit // GROWTH)

    def _limit(self, claim: Claim) -> int:
        """One by one where somebody kills the channel: the next death is about that one alone."""
        if claim.deaths:
            return 1
        return self.stride.recipients(self.channel.batch_size, claim.spent)


def failed(claim: Claim, error: Exception, at: datetime) -> Report:
    """Twice on the same batch, and it counts as poison."""
    return Report(claim, Ending.DIED, at, (), f"{type(error).__name__}: {error}")


def _append(handed: list[Handed], part: Slice, answered: Handed) -> None:
    """Hand-overs of one that follow each other at once are recorded together, as one."""
    if answered.size == 1 and answered.default.due_at is None:
        [person] = part.recipients
        named = replace(answered, exceptions={person.subscriber: answered.default})
        within = timedelta(seconds=HAND_OVER_SECONDS)
        if handed and (both := handed[-1].joined(named, within)) is not None:
            handed[-1] = both
            return
        answered = named if part.after or not part.last else answered
    handed.append(answered)
