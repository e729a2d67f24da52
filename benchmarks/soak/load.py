"""Everything that people do all day, at once and at moderate rates, from a seed."""

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.lines import BODY, TITLE
from tests.faults.link import NDJSON, Answer, Call, Link, NoAnswer
from tests.faults.product import CHANNELS

CATEGORIES = ("sports", "movies", "finance")
CROWD = 20_000
"""Hear `sports`, on two channels; nobody changes their minds."""
REGULARS = 200
"""Hear `movies` and change their minds."""
LINES = 2_000
PUBLISHES_PER_SECOND = 20.0
CHANGES_PER_SECOND = 2.0
PAGES_PER_SECOND = 2.0
KEPT_SECONDS = 3.0
"""Of a connection that says nothing; the broker closes it a little later."""
STREAMS = 20
STREAM_SECONDS = 20.0
"""How long each is open, on average."""
STREAM = b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
FILTERS = ("", "&channel=recorder", "&state=dead", "&category=sports", "&subscriber=regular-1")


@dataclass(slots=True)
class Load:
    """`latencies` are of publishes, from when they were due; whoever samples takes them away."""

    port: int
    broadcast_seconds: float
    rng: random.Random
    latencies: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that nobody should get, and requests without one."""
    _idle: list[tuple[Link, float]] = field(default_factory=list)
    """With when each was used last."""

    async def populate(self) -> None:
        """Everybody who is there from the start."""
        people = [_person(f"fan-{n}", ["sports"], ["sms", "email"]) for n in range(CROWD)]
        people += [_person(f"regular-{n}", ["movies"], list(CHANNELS)) for n in range(REGULARS)]
        for first in range(0, len(people), LINES):
            lines = "\n".join(map(json.dumps, people[first : first + LINES])).encode()
            await self._ask("registered", Call("POST", "/v1/subscribers", lines, NDJSON))

    async def run(self, seconds: float) -> None:
        """All of it, for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for act, per_second in (
                    (self._publish, PUBLISHES_PER_SECOND),
                    (self._broadcast, 1 / self.broadcast_seconds),
                    (self._change, CHANGES_PER_SECOND),
                    (self._read, PAGES_PER_SECOND),
                ):
                    group.create_task(self._often(group, act, per_second))
                for _ in range(STREAMS):
                    group.create_task(self._listen())

    async def queue(self) -> int:
        """Batches that wait or are under way."""
        answer = await self._ask("queue looked at", Call("GET", "/v1/queue"))
        return 0 if answer is None else int(answer.body["depth"])

    async def _often(
        self, group: asyncio.TaskGroup, act: Callable[[float], Awaitable[None]], per_second: float
    ) -> None:
        """When a Poisson process says so, whatever became of those before."""
        due = time.monotonic()
        while True:
            due += self.rng.expovariate(per_second)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(_finished(act(due)))

    async def _publish(self, due: float) -> None:
        document = {"category": "movies", "title": TITLE, "body": BODY}
        await self._ask("published", Call("POST", "/v1/messages", json.dumps(document).encode()))
        self.latencies.append(time.monotonic() - due)

    async def _broadcast(self, _: float) -> None:
        document = {"category": "sports", "title": TITLE, "body": BODY}
        await self._ask("broadcast", Call("POST", "/v1/messages", json.dumps(document).encode()))

    async def _change(self, _: float) -> None:
        channels = [name for name in CHANNELS if self.rng.random() < 0.7]
        body = {"categories": ["movies"], "channels": channels, "overrides": {}}
        path = f"/v1/subscribers/regular-{self.rng.randrange(REGULARS)}/preferences"
        await self._ask("choices changed", Call("PUT", path, json.dumps(body).encode()))

    async def _read(self, _: float) -> None:
        path = f"/v1/deliveries?limit=100{self.rng.choice(FILTERS)}"
        answer = await self._ask("pages read", Call("GET", path))
        if answer is not None and answer.body["next"]:
            await self._ask("pages read", Call("GET", f"{path}&cursor={answer.body['next']}"))

    async def _listen(self) -> None:
        """Streams one after the other, each read to some random end."""
        while True:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(self.rng.expovariate(1 / STREAM_SECONDS)):
                    await self._stream()

    async def _stream(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.counts["streams opened"] += 1
        try:
            writer.write(STREAM)
            while part := await reader.read(65_536):
                self.counts["events heard"] += part.count(b"}\n\n")
        finally:
            writer.transport.abort()

    async def _ask(self, what: str, call: Call) -> Answer | None:
        link = self._link()
        try:
            answer = await link.ask(call)
        except NoAnswer as error:
            self.wrong.append(str(error))
            return None
        self._idle.append((link, time.monotonic()))
        self.counts[what] += 1
        if answer.status not in (200, 201, 202):
            self.wrong.append(f"{call.method} {call.path}: {answer.status} {answer.body}")
            return None
        return answer

    def _link(self) -> Link:
        """The one that was used last, unless the broker may be closing it just now."""
        link, used = self._idle.pop() if self._idle else (Link(self.port), time.monotonic())
        if time.monotonic() - used > KEPT_SECONDS:
            link.close()
        return link


async def _finished(doing: Awaitable[None]) -> None:
    """What is asked for when the time is over is still answered."""
    await asyncio.shield(asyncio.ensure_future(doing))


def _person(who: str, categories: list[str], channels: list[str]) -> dict[str, object]:
    number = int(who.rpartition("-")[2])
    return {
        "id": who,
        "name": f"Somebody called {who}",
        "email": f"{who}@example.org",
        "phone": f"+1415{5_550_000 + number:07}",
        "push_token": f"token-{who}",
        "addresses": {"box": who},
        "categories": categories,
        "channels": channels,
    }
