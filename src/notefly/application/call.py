"""Calling a channel: what it is asked, how long it may take, and what counts as its answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notefly.application.doorbell import Doorbell
from notefly.application.stride import Stride
from notefly.domain.batch import Claim
from notefly.domain.outcome import Outcomes, Retry, as_outcomes
from notefly.ports.batch_store import Slice
from notefly.ports.channel import Channel, ChannelDied, HandOver, SendingAll
from notefly.ports.clock import Clock
from notefly.ports.people import all_reachable

Answer = Outcomes | ChannelDied


@dataclass(frozen=True, slots=True)
class Called:
    """A call that came to its end."""

    started_at: datetime
    ended_at: datetime
    answer: Answer


@dataclass(slots=True)
class Caller:
    """Calls one channel, and learns how long that takes."""

    channel: Channel
    clock: Clock
    deadline_seconds: float
    stopping: Callable[[], bool]
    stride: Stride = field(default_factory=Stride)
    bell: Doorbell = field(default_factory=Doorbell)
    """Rung by nobody: a rest is short enough to wait for."""

    async def prepare(self) -> None:
        """Before consent is read: starting something may take longer than consent may be old."""
        if self.stride.rest_seconds and not self.stopping():
            await self.bell.wait(self.stride.rest_seconds)
        prepare: Callable[[], Awaitable[None]] | None = getattr(self.channel, "prepare", None)
        if prepare is not None:
            await prepare()

    async def one(self, hand_over: HandOver) -> Called:
        """A time-out or an exception is an answer: try again."""
        started_at, began = self.clock.now(), self.clock.monotonic()
        answer = await self._answer(hand_over)
        self.stride.measured(hand_over.size, self.clock.monotonic() - began)
        return self._called(hand_over, started_at, self.clock.now(), answer)

    async def several(self, hand_overs: Sequence[HandOver], begin_within: float) -> list[Called]:
        """One after the other; fewer when there is trouble, or the next would begin too late."""
        if not hand_overs or begin_within <= 0 or self.stride.troubled:
            return []
        send_all: SendingAll | None = getattr(self.channel, "send_all", None)
        if send_all is not None:
            return await self._at_once(send_all, hand_overs, begin_within)
        began = self.clock.monotonic()
        called = [await self.one(hand_overs[0])]
        for hand_over in hand_overs[1:]:
            late = self.clock.monotonic() - began >= begin_within
            if late or self.stride.troubled or self.stopping():
                break
            called.append(await self.one(hand_over))
        return called

    async def _at_once(
        self, send_all: SendingAll, hand_overs: Sequence[HandOver], begin_within: float
    ) -> list[Called]:
        asked_at, began = self.clock.now(), self.clock.monotonic()
        answers = await send_all(hand_overs, begin_within, self.deadline_seconds)
        each: list[Answer] = [*answers.outcomes]
        ends = [asked_at + timedelta(seconds=seconds) for seconds in answers.seconds]
        match answers.error:
            case ChannelDied() as died:
                each.append(died)
            case TimeoutError():
                each.append(self._silence())
        ends += [self.clock.now()] * (len(each) - len(ends))
        begun = hand_overs[: len(each)]
        if begun:
            size = sum(hand_over.size for hand_over in begun)
            self.stride.measured(size, self.clock.monotonic() - began)
        # One after the other: each began when the one before was answered.
        return list(map(self._called, begun, [asked_at, *ends], ends, each))

    def _called(
        self, hand_over: HandOver, started_at: datetime, ended_at: datetime, answer: Answer
    ) -> Called:
        if isinstance(answer, ChannelDied):
            self.stride.died = True
        else:
            self.stride.answered(taken=answer.anybody_taken(hand_over.size))
        return Called(started_at, ended_at, answer)

    async def _answer(self, hand_over: HandOver) -> Answer:
        try:
            async with asyncio.timeout(self.deadline_seconds):
                return as_outcomes(await self.channel.send(hand_over))
        except TimeoutError:
            return self._silence()
        except ChannelDied as died:
            return died
        except Exception as error:  # noqa: BLE001 - a channel may raise anything
            return Outcomes(Retry(f"{type(error).__name__}: {error}"))

    def _silence(self) -> Outcomes:
        return Outcomes(Retry(f"no answer within {self.deadline_seconds:g} s"))


def to_call(claim: Claim, part: Slice) -> HandOver:
    """Of whom there is an address."""
    people = part.recipients
    if not all_reachable(people):
        people = [recipient for recipient in people if recipient.address]
    return HandOver(claim.message, claim.channel, claim.number, len(people), people)
