import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from typing_extensions import override

from notefly.adapters.inprocess.alone import Alone
from notefly.adapters.jetstream.link import NatsLink, open_link
from notefly.adapters.jetstream.wakeups import NatsWakeups
from notefly.adapters.postgres.wakeups import open_wakeups
from notefly.ports.wakeups import Topic
from tests.contract import waking
from tests.contract.waking import Pair, WakingCheck
from tests.support.jetstream import stream_name
from tests.support.nats import shared
from tests.support.server import database_for


@asynccontextmanager
async def alone() -> AsyncIterator[Pair]:
    yield Pair(Alone(), Alone(), reach=False)


@asynccontextmanager
async def postgres() -> AsyncIterator[Pair]:
    with tempfile.TemporaryDirectory() as folder:
        dsn = await database_for(Path(folder))
        async with open_wakeups(dsn) as mine, open_wakeups(dsn) as theirs:
            yield Pair(mine, theirs, reach=True)


def nats(nodes: int) -> Callable[[], AbstractAsyncContextManager[Pair]]:
    """Each on a node of its own, if there are several."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Pair]:
        servers, prefix = await asyncio.to_thread(shared, nodes), stream_name()
        first, *_, last = [node.address for node in servers.nodes] * 2
        async with open_link(first) as mine, open_link(last) as theirs:
            pair = Pair(NatsWakeups(mine, prefix), NatsWakeups(theirs, prefix), reach=True)
            await reached(mine, theirs, f"{prefix}.there")
            await reached(theirs, mine, f"{prefix}.back")
            yield pair

    return opened


async def reached(mine: NatsLink, theirs: NatsLink, subject: str) -> None:
    """Until servers told each other of this subscription, and so of those before it."""
    heard = asyncio.Event()

    async def hear(_: Msg) -> None:
        heard.set()

    await theirs.subscribe(subject, hear)
    async with asyncio.timeout(waking.PATIENCE_SECONDS):
        while not heard.is_set():
            await mine.client.publish(subject)
            await mine.client.flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), 0.01)


REACHING = [
    pytest.param(postgres, id="postgres", marks=pytest.mark.engines),
    pytest.param(nats(1), id="nats", marks=pytest.mark.engines),
    pytest.param(nats(3), id="nats-cluster", marks=pytest.mark.engines),
]
"""Others that several processes share are added here."""
EVERY = [pytest.param(alone, id="alone"), *REACHING]


@pytest.fixture
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    async with request.param() as opened:
        yield opened


@pytest.mark.parametrize("pair", EVERY, indirect=True)
@pytest.mark.parametrize("check", waking.always, ids=lambda check: check.__name__)
async def test_all_wakeups(pair: Pair, check: WakingCheck) -> None:
    await check(pair)


@pytest.mark.parametrize("pair", REACHING, indirect=True)
@pytest.mark.parametrize("check", waking.reaching, ids=lambda check: check.__name__)
async def test_wakeups_between_processes(pair: Pair, check: WakingCheck) -> None:
    await check(pair)


class Wire:
    """Two that hear each other at once; what is wrong with it a subclass says."""

    def __init__(self) -> None:
        self.other = self
        self.listening: list[tuple[Topic, Callable[[], None]]] = []

    def ring(self, topic: Topic) -> None:
        self.other.hear(topic)

    def listen(self, topic: Topic, heard: Callable[[], None]) -> None:
        self.listening.append((topic, heard))

    def hear(self, topic: Topic) -> None:
        for wanted, heard in self.listening:
            if wanted is topic:
                heard()


class Echo(Wire):
    """Hears itself."""

    @override
    def ring(self, topic: Topic) -> None:
        self.hear(topic)
        self.other.hear(topic)


class Muddled(Wire):
    """Every ring is every topic's."""

    @override
    def hear(self, topic: Topic) -> None:
        for _, heard in self.listening:
            heard()


class LastOnly(Wire):
    """Who listens later takes the place of who did before."""

    @override
    def listen(self, topic: Topic, heard: Callable[[], None]) -> None:
        self.listening = [(other, call) for other, call in self.listening if other is not topic]
        super().listen(topic, heard)


class Deaf(Wire):
    """Nobody is told."""

    @override
    def hear(self, topic: Topic) -> None:
        pass


async def failed(kind: type[Wire]) -> list[str]:
    names = []
    for check in (*waking.always, *waking.reaching):
        mine, theirs = kind(), kind()
        mine.other, theirs.other = theirs, mine
        try:
            await check(Pair(mine, theirs, reach=True))
        except (AssertionError, TimeoutError):
            names.append(check.__name__)
    return names


async def test_the_suite_notices_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "PATIENCE_SECONDS", 0.01)
    assert await failed(Wire) == []
    assert await failed(Echo) == ["nobody_hears_itself"]
    assert "a_topic_rings_no_other" in await failed(Muddled)
    assert "everybody_who_listens_hears" in await failed(LastOnly)
    assert "each_ring_is_heard_elsewhere" in await failed(Deaf)
