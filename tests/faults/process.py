"""A part of the product as a process group of its own, that can be killed whole; Linux, no root."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.link import Call, Link, NoAnswer

START_SECONDS = 60.0
GONE_SECONDS = 10.0
STOP_SECONDS = 12.0


class NotReady(Exception):  # noqa: N818 - reads as what happened
    """The product did not come to where it should; says where its own words are."""


class Running:
    """One life of a Python module, from start to kill.

    Whatever it starts carries `mark`, a variable of the environment that nobody else has.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        mark: tuple[str, str],
        words: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._mark = "=".join(mark).encode()
        self._path = words
        with words.open("ab") as said:
            self._words_before = said.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", *command],
                cwd=words.parent,
                env={**environment, mark[0]: mark[1]},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """How it ended; None while it lives."""
        return self._process.poll()

    @property
    def words(self) -> bytes:
        """What it has printed in this life."""
        return self._path.read_bytes()[self._words_before :]

    def everybody(self) -> dict[int, str]:
        """It and all that it started, with their command lines."""
        return marked(self._mark)

    def not_ready(self, what: str) -> NotReady:
        """What it did, and where its own words are."""
        return NotReady(f"{what}, see {self._path}")

    async def kill(self) -> list[str]:
        """Kill -9 of the whole group; what is alive after it should not be."""
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        return await self._gone()

    async def gone_by_itself(self) -> list[str]:
        """Wait until it has killed itself, as a planted bug does. Raises NotReady."""
        try:
            await asyncio.to_thread(self._process.wait, START_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise self.not_ready("it never came to its end") from error
        return await self._gone()

    async def stop(self) -> str:
        """As Ctrl-C or a service manager would; empty when all went well."""
        os.kill(self._process.pid, signal.SIGTERM)
        try:
            status = await asyncio.to_thread(self._process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            await self.kill()
            return f"SIGTERM did not end it within {STOP_SECONDS:g} s"
        left = await self._gone()
        return f"exit status {status} after SIGTERM" if status else "; ".join(left)

    async def _gone(self) -> list[str]:
        """Everything that carries its mark ends with the group, or is an orphan."""
        await asyncio.to_thread(self._process.wait, GONE_SECONDS)
        deadline = time.monotonic() + GONE_SECONDS
        while (left := self.everybody()) and time.monotonic() < deadline:  # noqa: ASYNC110 - /proc is silent
            await asyncio.sleep(0.01)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return [f"process {pid} ({command}) outlived the group" for pid, command in left.items()]


async def ready(running: Running, port: int) -> float:
    """Seconds until what listens there took traffic. Raises NotReady."""
    started = time.monotonic()
    link = Link(port)
    while time.monotonic() - started < START_SECONDS and running.alive:
        try:
            if (await link.ask(Call("GET", "/readyz"))).status == 200:
                link.close()
                return time.monotonic() - started
        except NoAnswer:
            pass
        await asyncio.sleep(0.02)
    raise running.not_ready("the product did not start")


def marked(mark: bytes) -> dict[int, str]:
    """Living processes with this in their environment, whatever group they moved to."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
