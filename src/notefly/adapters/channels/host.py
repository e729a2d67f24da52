"""Runs a channel that is not built in: what is pure here, `send` in a supervised process.

A channel that exits, hangs or eats memory takes its own process with it and nothing else. One
hand-over is called at a time, and answered before the next, so that a death is about exactly one.
"""

import asyncio
import logging
import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from notefly.adapters.channels.process import Broken, ChildProcess, Limits, NotStarted
from notefly.domain.batch import Recipient
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Outcomes, Retry
from notefly.ports.channel import Answers, Channel, ChannelDied, HandOver, Rendering

DEFAULT_LIMITS = Limits()
Arrived = tuple[Outcomes, float]
"""An answer, and when it came."""


class SupervisedChannel:
    """Stands in for `channel`; `target` is its class as `module:name`, for the process to make."""

    def __init__(
        self,
        channel: Channel,
        target: str,
        *,
        monotonic: Callable[[], float],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.name = channel.name
        self.address_kind = channel.address_kind
        self.batch_size = channel.batch_size
        # A process is handed people, whose consent is read just before.
        self.per_recipient = True
        self._channel = channel
        self._target = target
        self._monotonic = monotonic
        self._limits = limits
        self._log = logging.getLogger(f"{__name__}.{channel.name}")
        self._turn = asyncio.Lock()
        self._child: ChildProcess | None = None
        self._closed = False
        self._failures = 0
        self._start_seconds = 0.0
        self._rested_at = 0.0
        self._not_before = 0.0
        self._why_not = ""

    def normalise(self, address: str) -> str:
        """Raises ValueError, also for a mistake in the channel itself: nothing is stored then."""
        try:
            spelled = self._channel.normalise(address)
        except ValueError:
            raise
        except Exception as error:
            raise ValueError(f"could not be checked: {self._failed(error)}") from error
        if isinstance(spelled, str):
            return spelled
        raise ValueError("could not be checked: the channel gave no text back")

    def check(self, content: Content) -> Mapping[str, str]:
        """A check that fails is a problem of the content: sending would not go better."""
        try:
            return dict(self._channel.check(content))
        except Exception as error:  # noqa: BLE001 - a team's code may raise anything
            return {"body": f"could not be checked: {self._failed(error)}"}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """A rendering that fails is shown as such: the log stays readable."""
        try:
            return self._channel.render(message, recipient)
        except Exception as error:  # noqa: BLE001 - as above
            return Rendering("text/plain", f"not rendered: {self._failed(error)}", {})

    async def prepare(self) -> None:
        """Have a process ready, so that consent need not be read before a long start."""
        async with self._turn:
            with suppress(NotStarted):
                await self._ready()

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Raises ChannelDied, after which the next call starts afresh.

        Cancelling it kills the process: what it would answer later is about nobody any more. A
        process that cannot be started is nobody's fault in the hand-over: `Retry` for everybody.
        """
        answered: list[Arrived] = []
        async with self._turn:
            try:
                child = await self._ready()
            except NotStarted as error:
                return Outcomes(Retry(str(error), max(0.0, self._not_before - self._monotonic())))
            await self._ask(child, [hand_over], math.inf, answered)
        [(outcomes, _)] = answered
        return outcomes

    async def send_all(
        self, hand_overs: Sequence[HandOver], begin_within: float, answer_within: float
    ) -> Answers:
        """See `SendingAll`. None is begun where no process can be started."""
        asked = time.monotonic()  # The clock of the process, too: starting it does not stop that.
        answered: list[Arrived] = []
        error: ChannelDied | TimeoutError | None = None
        async with self._turn:
            try:
                child = await self._ready()
                async with asyncio.timeout(answer_within):
                    await self._ask(child, hand_overs, asked + begin_within, answered)
            except NotStarted:
                pass
            except (ChannelDied, TimeoutError) as ended:
                error = ended
        outcomes = [outcomes for outcomes, _ in answered]
        return Answers(outcomes, [arrived - asked for _, arrived in answered], error)

    async def close(self) -> None:
        """Waits for the hand-over in flight; cancel `send` to be quicker. Nothing can follow."""
        async with self._turn:
            self._closed = True
            await self._discard()

    async def _ask(
        self,
        child: ChildProcess,
        hand_overs: Sequence[HandOver],
        begin_before: float,
        answered: list[Arrived],
    ) -> None:
        """Fills `answered` with what came before it was over, or ended the process by an error.

        Raises ChannelDied.
        """
        try:
            async for outcomes in child.ask(hand_overs, begin_before):
                answered.append((outcomes, time.monotonic()))  # noqa: PERF401 - an exception may come
        except Broken as broken:
            self._child = None
            self._rest()
            how = f"its process {broken} ({await child.end()})"
            failed = hand_overs[len(answered)].message.id
            self._log.warning("hand-over of %s failed: %s", failed, how)
            raise ChannelDied(f"{self.name}: {how}") from broken
        except BaseException:
            self._child = None
            await child.end()
            raise

    async def _ready(self) -> ChildProcess:
        if self._closed:
            raise NotStarted("the channel is closed, because the broker stops")
        if self._child is not None and self._child.usable:
            return self._child
        await self._discard()
        if self._monotonic() < self._not_before:
            raise NotStarted(self._why_not)
        # In `prepare` mostly, where nobody's consent has been read yet.
        await asyncio.sleep(self._rested_at - self._monotonic())
        began = self._monotonic()
        try:
            self._child = await ChildProcess.start(self._target, self._limits, self._log)
        except NotStarted as error:
            self._put_off(str(error))
            raise
        self._failures = 0
        self._start_seconds = self._monotonic() - began
        return self._child

    def _rest(self) -> None:
        pause = min(self._limits.rest * self._start_seconds, self._limits.rest_cap_seconds)
        self._rested_at = self._monotonic() + pause

    def _put_off(self, why: str) -> None:
        pause = self._limits.pause_seconds * 2.0 ** min(self._failures, 32)
        self._failures += 1
        self._not_before = self._monotonic() + min(pause, self._limits.pause_cap_seconds)
        self._why_not = why
        self._log.warning("not started: %s", why)

    async def _discard(self) -> None:
        if (child := self._child) is not None:
            self._child = None
            await child.end()

    def _failed(self, error: Exception) -> str:
        """Where and of what type, but not its text, which may hold the address."""
        kind = type(error).__name__
        frames = "".join(traceback.format_tb(error.__traceback__))
        self._log.error("it raised %s, which is not a part of the port:\n%s", kind, frames)
        return f"channel {self.name} raised {kind}"


_meets_the_port: Callable[..., Channel] = SupervisedChannel
