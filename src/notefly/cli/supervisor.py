"""Services as one: they start and stop together, and do not outlive whoever started them."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import click

from notefly.cli.running import READY

STOP_SECONDS = 10.0
"""What a service has to end by itself, before it is killed."""


class Died(Exception):  # noqa: N818 - reads as what it says
    """A service ended that nobody had asked to; `name` and `status` say which and how."""

    def __init__(self, name: str, status: int) -> None:
        self.name, self.status = name, status
        super().__init__(f"the {name} {ending(status)}")


@dataclass(frozen=True, slots=True)
class Start:
    """A service to start: its name, and what it is told besides the settings."""

    name: str
    words: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    """On top of our own environment; the place for secrets, which no list of processes shows."""


@dataclass(slots=True)
class Service:
    """One child process; its stdin is the lifeline, its stdout says when it is ready."""

    name: str
    process: Process
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def start(cls, how: Start) -> "Service":
        """Ctrl-C reaches the child too, and must not end it before it listens for it.

        `-P`: a file of the working directory must not stand in for a module.
        """
        command = (sys.executable, "-P", "-m", "notefly", how.name, "--supervised", *how.words)
        environ = os.environ | how.environ
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, env=environ
            )
        finally:
            signal.signal(signal.SIGINT, before)
        return cls(how.name, process)

    async def run(self) -> None:
        """Until it ends, which is never what it should do by itself. Raises Died."""
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        async for line in self.process.stdout:
            if line.startswith(READY.encode()):
                self.ready.set()
            else:
                click.echo(line.decode(errors="replace"), nl=False)
        raise Died(self.name, await self.process.wait())

    async def stop(self) -> None:
        """Ask, wait, and end it by its id if that did not help."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            click.echo(f"notefly: the {self.name} did not stop in time and was killed", err=True)
            self.process.kill()
            await self.process.wait()


class Supervisor:
    """Starts services, waits for the first reason to stop, stops them all."""

    def __init__(self, starts: Sequence[Start]) -> None:
        self._starts = starts
        self._services: list[Service] = []

    async def __aenter__(self) -> Self:
        for how in self._starts:
            self._services.append(await Service.start(how))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(service.stop() for service in self._services))

    async def run(self, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
        """Until `stopping` is set; `ready` is called once all are. Raises Died when one ends."""
        running = [asyncio.create_task(service.run()) for service in self._services]
        until = asyncio.create_task(stopping.wait())
        opening = asyncio.create_task(self._open(ready))
        try:
            await asyncio.wait((until, *running), return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                if task.done() and not stopping.is_set():
                    task.result()
        finally:
            tasks = (until, opening, *running)
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, ready: Callable[[], None]) -> None:
        for service in self._services:
            await service.ready.wait()
        ready()


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
