"""Deliver batches on a channel that treats everybody alike: nobody has to be read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from notefly.application.retry import Judge
from notefly.domain.batch import NOBODY, Claim, Ending, Report
from notefly.domain.errors import NoteflyError
from notefly.domain.ids import Epoch
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

    async def group(self, claims: Sequence[Claim]) -> Sequence[Report]:
        """What became of each. Never raises for anything that the channel does.

        The deadline is the group's: who was not called by then goes back, with nothing held
        against it.
        """
        reports: list[Report] = []
        try:
            async with asyncio.timeout(self.deadline_seconds):
                for claim in claims:
                    reports.append(await self._one(claim))  # noqa: PERF401 - what is done counts
        except TimeoutError:
            slow, *rest = claims[len(reports) :]
            late = Outcomes(Retry(f"no answer within {self.deadline_seconds:g} s"))
            reports.append(self._report(slow, slow.epoch, late))
            reports += [Report(claim, Ending.RELEASED, self.clock.now()) for claim in rest]
        return reports

    async def _one(self, claim: Claim) -> Report:
        """The claim's own commit read the choices; they are read again if that was a while ago."""
        epoch = claim.epoch
        if not 0 <= (self.clock.now() - claim.claimed_at).total_seconds() < CONSENT_SECONDS:
            try:
                part = await self.batches.hand_over(claim, NOBODY, 1, self.clock.now())
            except NoteflyError as error:
                return Report(claim, Ending.RELEASED, self.clock.now(), (), str(error))
            if part.stopped:
                return Report(claim, Ending.RELEASED, self.clock.now())
            epoch = part.epoch
        hand_over = HandOver(claim.message, claim.channel, claim.number, claim.size, ())
        try:
            outcomes = await self.channel.send(hand_over)
        except ChannelDied as error:
            return Report(claim, Ending.DIED, self.clock.now(), (), str(error))
        except Exception as error:  # noqa: BLE001 - a channel may raise anything
            outcomes = Outcomes(Retry(f"{type(error).__name__}: {error}"))
        return self._report(claim, epoch, outcomes)

    def _report(self, claim: Claim, epoch: Epoch, outcomes: Outcomes) -> Report:
        """Batches of one moment share their times, so that one statement can record them all."""
        at = self.clock.now()
        handed = self.judge.alike(claim, epoch, at, outcomes.default)
        return Report(claim, Ending.FINISHED, at, (handed,))
