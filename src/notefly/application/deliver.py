"""Deliver a claimed batch: consent, hand-over, outcome, again and again until it is done."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from notefly.application.retry import Judge
from notefly.domain.batch import EVERYBODY, NOBODY, Claim, Ending, Handed, Report
from notefly.domain.outcome import Outcomes, Refused, Retry
from notefly.ports.batch_store import BatchStore, Slice
from notefly.ports.channel import Channel, ChannelDied, HandOver
from notefly.ports.clock import Clock

HAND_OVER_SECONDS = 0.5
"""Work in one hand-over: consent is never older than this when somebody's turn comes."""
CONSENT_SECONDS = 0.5
"""How old the epoch of a claim may be when everybody in it is handed over at once."""
FIRST_HAND_OVER = 32
"""Recipients, until it was measured how many a channel takes in the time."""
SMOOTHING = 0.3
NO_ADDRESS = Refused("there is no address")


@dataclass(slots=True)
class Stride:
    """How many recipients a channel takes in one hand-over."""

    seconds_each: float = HAND_OVER_SECONDS / FIRST_HAND_OVER

    def recipients(self, at_most: int) -> int:
        return max(1, min(at_most, int(HAND_OVER_SECONDS / self.seconds_each)))

    def measured(self, recipients: int, seconds: float) -> None:
        cost = max(seconds, 1e-9) / recipients
        self.seconds_each += SMOOTHING * (cost - self.seconds_each)


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

    async def __call__(self, claim: Claim) -> Report:
        """What became of it. Never raises for anything that the channel does."""
        if self.channel.per_recipient:
            return await self._each(claim)
        return await self._alike(claim)

    async def _alike(self, claim: Claim) -> Report:
        """Everybody is treated the same, so nobody has to be read: the epoch says who is in it."""
        part = await self._consent(claim)
        if part.stopped:
            return Report(claim, Ending.RELEASED, self.clock.now())
        started_at = self.clock.now()
        outcomes = await self._call(
            HandOver(claim.message, claim.channel, claim.number, claim.size, ())
        )
        handed = self.judge.handed(claim, part, claim.size, started_at, outcomes)
        return Report(claim, Ending.FINISHED, self.clock.now(), [handed])

    async def _consent(self, claim: Claim) -> Slice:
        """The claim's own commit read the choices; they are read again if that was a while ago."""
        age = (self.clock.now() - claim.claimed_at).total_seconds()
        if 0 <= age < CONSENT_SECONDS:
            return Slice(claim.epoch, NOBODY, EVERYBODY, (), last=True)
        part = await self.batches.hand_over(claim, NOBODY, 1, self.clock.now())
        return Slice(part.epoch, NOBODY, EVERYBODY, (), last=True, stopped=part.stopped)

    async def _each(self, claim: Claim) -> Report:
        handed: list[Handed] = []
        after = NOBODY
        while True:
            limit = self.stride.recipients(self.channel.batch_size)
            async with self.turn:
                part = await self.batches.hand_over(claim, after, limit, self.clock.now())
                if part.stopped:
                    # The next claim ends what is left, by the same rule as for everybody else.
                    return Report(claim, Ending.RELEASED, self.clock.now(), handed)
                try:
                    handed.append(await self._hand_over(claim, part))
                except ChannelDied as error:
                    return Report(claim, Ending.DIED, self.clock.now(), handed, str(error))
            if part.last:
                return Report(claim, Ending.FINISHED, self.clock.now(), handed)
            if self.stopping():
                return Report(claim, Ending.RELEASED, self.clock.now(), handed)
            after = part.through

    async def _hand_over(self, claim: Claim, part: Slice) -> Handed:
        started_at = self.clock.now()
        reachable = [recipient for recipient in part.recipients if recipient.address]
        outcomes = Outcomes(NO_ADDRESS)
        if reachable:
            began = self.clock.monotonic()
            outcomes = await self._call(
                HandOver(claim.message, claim.channel, claim.number, len(reachable), reachable)
            )
            self.stride.measured(len(reachable), self.clock.monotonic() - began)
        if len(reachable) < len(part.recipients):
            missing = {
                r.subscriber: Refused("there is no address")
                for r in part.recipients
                if not r.address
            }
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
