"""The process that is measured: the product's `serve`, driven by JSON lines.

`python -m benchmarks.serve '{"data_dir": …}'` prints its address, then one answer a line.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from dishka import AsyncContainer

from benchmarks.composition import Order, container_of
from benchmarks.counting import Ledger
from benchmarks.instant import RawApp, RawStreams
from notefly.adapters.sqlite.writer import Writer
from notefly.application.doorbell import PlannerBell
from notefly.application.engine import Engine
from notefly.application.publish import PublishMessage
from notefly.bootstrap import Delivers
from notefly.broker import server
from notefly.config import Settings
from notefly.domain.message import Content
from notefly.ports.message_store import MessageStore

Answer = dict[str, Any]


@dataclass(slots=True)
class Driver:
    """Does what the parent asks for, inside the process that is measured."""

    order: Order
    container: AsyncContainer | None = None
    asked: list[threading.Thread] = field(default_factory=list)
    streams: RawStreams = field(default_factory=RawStreams)

    def make_container(self, settings: Settings, _: Delivers) -> AsyncContainer:
        self.container = container_of(self.order, settings)
        return self.container

    async def create_app(self, container: AsyncContainer, *_: Any) -> RawApp | RawStreams:
        """The reference in place of the product's app."""
        if self.order.app == "raw-streams":
            return self.streams
        stored = self.order.app == "raw-stored"
        bell = await container.get(PlannerBell)
        return RawApp(
            await container.get(MessageStore) if stored else None,
            bell.ring if self.order.engine else lambda: None,
        )

    def started(self, address: str) -> None:
        print(address, flush=True)
        loop = asyncio.get_running_loop()
        self.asked.append(threading.Thread(target=self._listen, args=(loop,), daemon=True))
        self.asked[0].start()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            asked = json.loads(line)
            do: Callable[..., Any] = getattr(self, asked.pop("do"))
            answer = asyncio.run_coroutine_threadsafe(do(**asked), loop).result()
            print(json.dumps(answer), flush=True)

    async def _get(self) -> tuple[Ledger, PublishMessage]:
        assert self.container is not None
        return await self.container.get(Ledger), await self.container.get(PublishMessage)

    async def broadcast(self, category: str, rows: int) -> Answer:
        """Publish once, and wait until the last of so many deliveries is durable."""
        ledger, publish = await self._get()
        done, commits = ledger.rows, ledger.commits
        ledger.recorded_in.clear()
        cpu = time.process_time()
        began = time.monotonic()
        receipt = await publish.one(Content(category, "the same to everybody"))
        ended = await ledger.reach(done + rows)
        return {
            "seconds": ended - began,
            "cpu_seconds": time.process_time() - cpu,
            "commits": ledger.commits - commits,
            "recording_commits": len(ledger.recorded_in),
            "id": receipt.ids[0],
        }

    async def storm(self, category: str, rows: int, seconds: float) -> Answer:
        """Broadcasts back to back for so long; how many deliveries became durable in that time."""
        ledger, _ = await self._get()
        began = time.monotonic()
        done, commits = ledger.rows, ledger.commits
        messages = []
        while time.monotonic() < began + seconds:
            messages.append((await self.broadcast(category, rows))["id"])
        over = began + seconds
        return {
            "rows_per_second": (ledger.rows_at(over) - done) / seconds,
            "commits": ledger.commits - commits,
            "ids": messages,
        }

    async def reach(self, rows: int) -> Answer:
        """Wait until so many deliveries in all are durable."""
        ledger, _ = await self._get()
        return {"at": await ledger.reach(rows)}

    async def last_of(self) -> Answer:
        """When each message had its last durable delivery, and forget it."""
        ledger, _ = await self._get()
        found: Answer = {str(message): at for message, at in ledger.last_of.items()}
        ledger.last_of.clear()
        return found

    async def counts(self) -> Answer:
        ledger, _ = await self._get()
        return {"rows": ledger.rows, "commits": ledger.commits, "busy": ledger.commit_seconds}

    async def processor(self) -> Answer:
        return {"seconds": time.process_time()}

    async def tell(self, event: str) -> Answer:
        """Of `raw-streams`: this, to everybody."""
        began = time.monotonic()
        await self.streams.tell(event.encode())
        return {"at": began}

    async def publish(self, category: str) -> Answer:
        """One message; when its first batch is durable."""
        ledger, publish = await self._get()
        ledger.batches_at.clear()
        await publish.one(Content(category, "the last one, please"))
        return {"at": await ledger.first_batch()}

    async def batches_at(self) -> Answer:
        """When each batch was durable, and forget it."""
        ledger, _ = await self._get()
        found, ledger.batches_at = ledger.batches_at, []
        return {"at": found}


async def _nothing(_: Engine) -> None:
    return


def _one_job_only(_writer: Writer, _done: object) -> bool:
    """Nobody else may join the transaction."""
    return False


def main() -> None:
    driver = Driver(Order(**json.loads(sys.argv[1])))
    order = driver.order
    with ExitStack() as changed:
        change = mock.patch.object
        changed.enter_context(change(server, "make_container", driver.make_container))
        if order.app != "product":
            changed.enter_context(change(server, "create_app", driver.create_app))
        if not order.engine:
            changed.enter_context(change(Engine, "start", _nothing))
        if order.group_of_one:
            changed.enter_context(change(Writer, "_drain", _one_job_only))
        server.run(order.settings, started=driver.started)


if __name__ == "__main__":
    main()
