"""Deliver batches on a channel that treats everybody alike: nobody has to be read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notefly.application.retry import Judge
from notefly.domain.batch import EVERYBODY, NOBODY, Begun, Claim, Ending, Report
from notefly.domain.errors import NoteflyError
from notefly.domain.outcome import Outcomes, Retry
from notefly.ports.batch_store import BatchStore
from notefly.ports.channel import Channel, ChannelDied, HandOver
from notefly.ports.clock import Clock

CONSENT_SECONDS = 0.5
"""How old the epoch of a claim may be when everybody in it is handed over at once."""


@dataclass(frozen=True, slots=True)
class DeliverAlike:
    """One channel's way of delivering, many batches at a time."""

    channel: Channel
    batches: BatchStore
    judge: Judge
    clock: Clock
    deadline_seconds: float
    rows: int = EVERYBODY
    """Deliveries that may be claimed together: as many as a transaction holds."""

    async def group(self, claims: Sequence[Claim]) -> Sequence[Report]:
        """What became of each. Never raises for anything that the channel does.

        The deadline is the group's: who was not called by then goes back, with nothing held
        against it.
        """
        reports: list[Report] = []
        begun: list[Begun] = []
        try:
            async with asyncio.timeout(self.deadline_seconds):
                for claim in claims:
                    begun.clear()
                    reports.append(await self._one(claim, begun))
        except TimeoutError:
            late = Outcomes(Retry(f"no answer within {self.deadline_seconds:g} s"))
            slow = claims[len(reports)]
            reports += [self._report(slow, called, late) for called in begun]
            rest = claims[len(reports) :]
            reports += [Report(claim, Ending.RELEASED, self.clock.now()) for claim in rest]
        return reports

    async def _one(self, claim: Claim, begun: list[Begun]) -> Report:
        """The claim's own commit read the choices; they are read again if that was a while ago.

        `begun` tells whoever has no patience left that it was called, and when.
        """
        epoch, read_at = claim.epoch, claim.claimed_at
        while not self._fresh(read_at):
            read_at = self.clock.now()
            try:
                [part] = await self.batches.hand_over([claim], NOBODY, 1, read_at)
            except NoteflyError as error:
                return Report(claim, Ending.RELEASED, self.clock.now(), (), str(error))
            if part.stopped:
                return Report(claim, Ending.RELEASED, self.clock.now())
            epoch = part.epoch
        hand_over = HandOver(claim.message, claim.channel, claim.number, claim.size, ())
        called = Begun(NOBODY, EVERYBODY, epoch, self.clock.now())
        begun.append(called)
        try:
            outcomes = await self.channel.send(hand_over)
        except ChannelDied as error:
            return Report(claim, Ending.DIED, self.clock.now(), (), str(error))
        except Exception as error:  # noqa: BLE001 - a channel may raise anything
            outcomes = Outcomes(Retry(f"{type(error).__name__}: {error}"))
        return self._report(claim, called, outcomes)

    def _fresh(self, read_at: datetime) -> bool:
        """Whether choices that were read then may be called current; not if the clock was set."""
        return 0 <= (self.clock.now() - read_at).total_seconds() < CONSENT_SECONDS

    def _report(self, claim: Claim, called: Begun, outcomes: Outcomes) -> Report:
        """Batches of one moment share their times, so that one statement can record them all."""
        handed = self.judge.alike(claim, called.epoch, called.started_at, outcomes.default)
        return Report(claim, Ending.FINISHED, self.clock.now(), (handed,))
