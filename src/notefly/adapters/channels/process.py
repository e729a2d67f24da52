"""One process of a channel, as the broker sees it."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from io import FileIO
from typing import Self

from notefly.adapters.channels.ear import Ear
from notefly.adapters.channels.questions import Asker
from notefly.adapters.channels.wire import (
    HEADER,
    Garbage,
    dump,
    frame,
    load,
    unpack_outcomes,
)
from notefly.domain.outcome import Outcomes
from notefly.ports.channel import HandOver

CHUNK = 65_536
"""Bytes that are read at once: short answers come several together."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel that is not built in may use up before its process is killed."""

    hand_over_seconds: float = 30.0
    start_seconds: float = 30.0
    exit_seconds: float = 5.0
    """How long the broker waits for a killed process to be gone."""
    memory_bytes: int = 1 << 30
    """Private writable memory; kept by Linux only."""
    answer_bytes: int = 8 << 20
    """More than 1,000 outcomes with the longest details need."""
    pause_seconds: float = 1.0
    """After a start that failed; doubled by each further one."""
    pause_cap_seconds: float = 60.0
    rest: float = 1.0
    """After a death in a hand-over, times what the last start took: a channel that dies again and
    again is started for half of the time at most, and leaves the machine to the others."""
    rest_cap_seconds: float = 5.0


class Broken(Exception):  # noqa: N818 - reads as what happened
    """The process gave no proper answer; nothing that it says can be relied on any more."""


class NotStarted(Exception):  # noqa: N818
    """The process never came to the point of taking a hand-over."""


Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ChildProcess:
    """Takes one question at a time: hand-overs, which it calls one after the other."""

    def __init__(
        self, process: Process, link: Link, errors: FileIO, limits: Limits, log: logging.Logger
    ) -> None:
        self._process = process
        self._reader, self._writer = link
        self._limits = limits
        self._ear = Ear(log)
        self._listening = asyncio.create_task(self._ear.listen(errors))
        self._gone = asyncio.create_task(self._watch())
        self._number = 0
        self._asker = Asker()
        self._heard = bytearray()

    @classmethod
    async def start(cls, target: str, limits: Limits, log: logging.Logger) -> Self:
        """A process that has made its channel. Raises NotStarted."""
        try:
            process, link, errors = await spawn(target)
        except OSError as error:
            raise NotStarted(f"its process cannot be started: {error}") from error
        child = cls(process, link, errors, limits, log)
        try:
            await child._greet()
        except Broken as broken:
            raise NotStarted(f"its process {broken} ({await child.end()}) at its start") from broken
        except BaseException:
            await child.end()
            raise
        return child

    @property
    def usable(self) -> bool:
        """False once it has gone away by itself, between two hand-overs."""
        return self._process.returncode is None and not self._reader.at_eof()

    async def ask(
        self, hand_overs: Sequence[HandOver], begin_before: float
    ) -> AsyncIterator[Outcomes]:
        """One answer after the other, until one is not begun: the time is over, or nobody taken.

        The time is of `time.monotonic`, which is the same in all processes of a machine. One is
        begun when the last is answered, so that Broken is about the first that is not. After that,
        or when cancelled, the process must be ended.
        """
        first = self._number + 1
        self._number += len(hand_overs)
        self._ear.refresh([each.recipients for each in hand_overs])
        question = self._asker.pack(first, begin_before, hand_overs)
        for number, hand_over in enumerate(hand_overs, first):
            answer = await self._exchange(question, self._limits.hand_over_seconds)
            question = b""
            try:
                outcomes = unpack_outcomes(number, answer, hand_over.recipients)
            except Garbage as garbage:
                raise Broken(f"answered with garbage: {garbage}") from garbage
            if outcomes is None:
                if number == first and time.monotonic() < begin_before:
                    raise Broken("answered with garbage: not begun, though there was time")
                return
            yield outcomes

    async def end(self) -> str:
        """Kill it and all that it started; says how it ended."""
        if not self._gone.done():
            self._kill()
        self._writer.transport.abort()
        ends = {self._gone, self._listening}
        _, late = await asyncio.wait(ends, timeout=self._limits.exit_seconds)
        for task in late:
            task.cancel()
        return "killed, but not gone yet" if self._gone in late else self._gone.result()

    async def _watch(self) -> str:
        """What it started dies with it, and at once: later its number may be somebody else's."""
        status = await self._process.wait()
        self._kill()
        return ending(status)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _greet(self) -> None:
        hello = dump({"path": sys.path, "memory_bytes": self._limits.memory_bytes})
        answer = await self._exchange(hello, self._limits.start_seconds)
        try:
            greeting = load(answer)
        except Garbage as garbage:
            raise Broken(f"answered with garbage: {garbage}") from garbage
        match greeting:
            case {"ready": True}:
                return
            case {"unusable": str(why)}:
                raise NotStarted(f"its class cannot be used in a process of its own: {why}")
            case _:
                raise Broken("did not say whether it is ready")

    async def _exchange(self, question: bytes, seconds: float) -> bytes:
        """The next answer, after asking, if there is something to ask."""
        try:
            if question:
                self._writer.write(frame(question))
            # What has come already is waited for by nobody.
            if (answer := self._whole()) is None:
                async with asyncio.timeout(seconds):
                    answer = await self._answer()
        except TimeoutError:
            raise Broken(f"gave no answer within {seconds:g} s") from None
        except OSError as error:
            raise Broken("ended without an answer") from error
        return answer

    async def _answer(self) -> bytes:
        await self._writer.drain()
        while (answer := self._whole()) is None:
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise Broken("ended without an answer")
            self._heard += chunk
        return answer

    def _whole(self) -> bytes | None:
        """The first frame of what was heard; None while it is not all there."""
        if len(self._heard) < HEADER:
            return None
        length = int.from_bytes(self._heard[:HEADER])
        if length > self._limits.answer_bytes:
            raise Broken(f"announced {length:,} bytes, where {self._limits.answer_bytes:,} may be")
        end = HEADER + length
        if len(self._heard) < end:
            return None
        answer = bytes(self._heard[HEADER:end])
        del self._heard[:end]
        return answer


async def spawn(target: str) -> tuple[Process, Link, FileIO]:
    """The process, a socket to it, and what it prints. Raises OSError.

    The ends are ours and not asyncio's, which can close neither of its own before it has read all.
    `-P`: modules are found where this process finds them, and not by accident in a working folder.
    """
    module = "notefly.adapters.channels.child"
    command = [sys.executable, "-u", "-P", "-m", module, target]
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        near, far = socket.socketpair()
        ours.enter_context(near)
        theirs.enter_context(far)
        heard, said = os.pipe()
        errors = ours.enter_context(FileIO(heard))
        theirs.callback(os.close, said)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=far.fileno(),
            stdout=far.fileno(),
            stderr=said,
            start_new_session=True,
        )
        link = await asyncio.open_unix_connection(sock=near)
        ours.pop_all()
        return process, link, errors


def ending(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    named = {int(known): known.name for known in signal.Signals}
    return f"killed by {named.get(-status, f'signal {-status}')}"
