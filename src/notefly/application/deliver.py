"""Deliver a claimed batch: consent, hand-over, outcome, again and again until it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from notefly.application.doorbell import Doorbell
from notefly.application.retry import Judge
from notefly.domain.batch import NOBODY, Begun, Claim, Ending, Handed, Report
from notefly.domain.errors import NoteflyError
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Outcomes, Refused, Retry
from notefly.ports.batch_store import BatchStore, Slice
from notefly.ports.channel import Channel, ChannelDied, HandOver
from notefly.ports.clock import Clock

HAND_OVER_SECONDS = 0.5
"""Work in one hand-over: consent is never older than this when somebody's turn comes."""
FIRST_HAND_OVER = 4
GROWTH = 8
"""How much larger one hand-over may be than the last."""
FIRST_REST_SECONDS, REST_SECONDS = 0.01, 1.0
PATIENCE = 8
"""Hand-overs in vain before they are larger again, whoever is in them."""
NO_ADDRESS = Refused("there is no address")


@dataclass(slots=True)
class Stride:
    """How many recipients a channel takes in one hand-over."""

    seconds_each: float = HAND_OVER_SECONDS / FIRST_HAND_OVER
    """A few at first: nobody knows yet how long a channel takes."""
    in_vain: int = 0
    """Hand-overs in a row of which nobody was taken."""

    def recipients(self, at_most: int, spent: int) -> int:
        """At most half a second of work, and fewer with each try.

        Whatever is wrong with one of them (`send` raises) must not cost the others their attempts:
        they are told apart before those run out. Not so while the channel takes nobody at all.
        """
        in_time = int(HAND_OVER_SECONDS / self.seconds_each)
        apart = int(at_most / GROWTH ** (spent - 1))
        anyhow = GROWTH ** min(self.in_vain // PATIENCE, PATIENCE) if self.in_vain else 0
        return max(1, min(at_most, in_time, max(apart, anyhow)))

    @property
    def rest_seconds(self) -> float:
        """Longer and longer while nobody is taken: a channel that is down must not cost the others
        the store's time, nor its own deliveries their attempts in no time."""
        beyond = self.in_vain - PATIENCE
        return 0.0 if beyond < 0 else min(REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(beyond, 32))

    def answered(self, *, taken: bool) -> None:
        self.in_vain = 0 if taken else self.in_vain + 1

    def measured(self, recipients: int, seconds: float) -> None:
        """Slower counts at once; faster is believed step by step."""
        cost = max(seconds, 1e-9) / recipients
        self.seconds_each = max(cost, self.seconds_each / GROWTH)


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
    bell: Doorbell = field(default_factory=Doorbell)
    """Rung by nobody: a rest is short enough to wait for."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One hand-over at a time, from reading consent on: nobody's grows old in a line."""

    async def group(self, claims: Sequence[Claim]) -> Sequence[Report]:
        """One after the other."""
        return [await self(claim) for claim in claims]

    async def __call__(self, claim: Claim) -> Report:
        """What became of it. Never raises for anything that the channel does."""
        handed: list[Handed] = []
        after = NOBODY
        while True:
            limit = self._limit(claim)
            async with self.turn:
                await self._prepare()
                try:
                    part = await self._consented(claim, after, limit)
                except NoteflyError as error:
                    return Report(claim, Ending.RELEASED, self.clock.now(), handed, str(error))
                if part.stopped:
                    # The next claim ends what is left, by the same rule as for everybody else.
                    return Report(claim, Ending.RELEASED, self.clock.now(), handed)
                begun = Begun(part.after, part.through, part.epoch, self.clock.now())
                try:
                    _append(handed, part, await self._hand_over(claim, part, begun.started_at))
                except ChannelDied as error:
                    at = self.clock.now()
                    return Report(claim, Ending.DIED, at, handed, str(error), begun)
            if part.last:
                return Report(claim, Ending.FINISHED, self.clock.now(), handed)
            if self.stopping():
                return Report(claim, Ending.RELEASED, self.clock.now(), handed)
            after = part.through

    async def _consented(self, claim: Claim, after: SubscriberKey, limit: int) -> Slice:
        """As the choices stand now: read again, of fewer, if it took so long that they are old.

        So it is when the whole process stood still between reading and calling. Of one alone it
        is read once more, then it goes on.
        """
        last = False
        while True:
            began = self.clock.monotonic()
            part = await self.batches.hand_over(claim, after, limit, self.clock.now())
            if last or self.clock.monotonic() - began < HAND_OVER_SECONDS:
                return part
            last, limit = limit == 1, max(1, limit // GROWTH)

    def _limit(self, claim: Claim) -> int:
        """One by one where somebody kills the channel: the next death is about that one alone."""
        if claim.deaths:
            return 1
        return self.stride.recipients(self.channel.batch_size, claim.spent)

    async def _prepare(self) -> None:
        """Before consent is read: starting something may take longer than consent may be old."""
        if self.stride.rest_seconds and not self.stopping():
            await self.bell.wait(self.stride.rest_seconds)
        prepare: Callable[[], Awaitable[None]] | None = getattr(self.channel, "prepare", None)
        if prepare is not None:
            await prepare()

    async def _hand_over(self, claim: Claim, part: Slice, started_at: datetime) -> Handed:
        reachable = [recipient for recipient in part.recipients if recipient.address]
        outcomes = Outcomes(NO_ADDRESS)
        if reachable:
            began = self.clock.monotonic()
            try:
                outcomes = await self._call(
                    HandOver(claim.message, claim.channel, claim.number, len(reachable), reachable)
                )
            finally:
                self.stride.measured(len(reachable), self.clock.monotonic() - began)
            self.stride.answered(taken=_anybody_taken(outcomes, len(reachable)))
        if len(reachable) < len(part.recipients):
            missing = {r.subscriber: NO_ADDRESS for r in part.recipients if not r.address}
            outcomes = Outcomes(outcomes.default, {**outcomes.exceptions, **missing})
        return self.judge.handed(claim, part, len(part.recipients), started_at, outcomes)

    async def _call(self, hand_over: HandOver) -> Outcomes:
        """A time-out or an exception is an answer: try again."""
        try:
            async with asyncio.timeout(self.deadline_seconds):
                return await self.channel.send(hand_over)
        except TimeoutError:
            return Outcomes(Retry(f"no answer within {self.deadline_seconds:g} s"))
        except ChannelDied:
            raise
        except Exception as error:  # noqa: BLE001 - a channel may raise anything
            return Outcomes(Retry(f"{type(error).__name__}: {error}"))


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


def _anybody_taken(outcomes: Outcomes, size: int) -> bool:
    """Delivered or refused: somebody listens."""
    answers = [*outcomes.exceptions.values()]
    if len(answers) < size:
        answers.append(outcomes.default)
    return any(not isinstance(answer, Retry) for answer in answers)
