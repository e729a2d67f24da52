"""What the faults of the cluster stand on: the deck, the clients, what a refused read says."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from pathlib import Path

import pytest

from tests.faults.client_log import ClientLog
from tests.faults.cluster import deeds
from tests.faults.cluster.campaign import deal, went_on
from tests.faults.cluster.clients import Brokers, Patient
from tests.faults.history import Fate, History

DECK = (deeds.kill_broker, deeds.kill_worker, deeds.stop_worker)
CHOICES = {"categories": ["goals"], "channels": ["sms"], "overrides": {}}


@asynccontextmanager
async def answering(*answers: int) -> AsyncIterator[int]:
    """A broker that gives these, one after another, and closes the connection in place of a 0."""
    left = iter(answers)
    ended: list[asyncio.Task[None]] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            await reader.readexactly(int(length))
            if not (status := next(left)):
                return
            body = b'{"id": "one"}'
            lines = [f"HTTP/1.1 {status} -", "Content-Type: application/json"]
            lines += [f"Content-Length: {len(body)}", "", ""]
            writer.write("\r\n".join(lines).encode() + body)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(EOFError, OSError):
            await one(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*ended)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Patient]:
    log = ClientLog(tmp_path / "client.log")
    log.tolerated = [503]
    yield Patient(log, "test", rng=random.Random(1))
    log.close()


def test_every_deed_of_a_deck_comes_as_often() -> None:
    dealt = list(islice(deal(random.Random(7), DECK), 9))
    for first in range(0, 9, 3):
        assert set(dealt[first : first + 3]) == set(DECK)
    assert dealt == list(islice(deal(random.Random(7), DECK), 9)), "a seed makes the same plan"


def test_what_was_waited_for_is_told_with_its_number_and_bound() -> None:
    told = went_on({"kill": [1.0, 2.0], "stop": [9.04]}, 15)
    assert told == {"went on within": "median 2.0 s, at most 9.0 s, N 3 (bound 15 s)"}


async def test_a_publish_with_a_key_is_asked_for_until_it_is_accepted(world: Patient) -> None:
    async with answering(0, 202) as one, answering(503, 202) as other:
        link = Brokers([one, other], random.Random(0))
        await world.send(link, world.log.publish([("goals", None, "hello")], "key"))
        link.close()
    [request] = History.of(world.log.events).requests
    assert (request.fate, request.answers) == (Fate.ACCEPTED, [("one",)])
    assert world.unanswered + world.put_off >= 1


async def test_a_publish_without_a_key_is_never_asked_for_twice(world: Patient) -> None:
    async with answering(0) as one:
        link = Brokers([one], random.Random(0))
        await world.send(link, world.log.publish([("goals", None, "hello")], None))
        link.close()
    [request] = History.of(world.log.events).requests
    assert request.fate is Fate.UNKNOWN


async def test_whoever_had_no_answer_does_not_change_again(world: Patient) -> None:
    async with answering(0, 200) as one:
        link = Brokers([one], random.Random(0))
        await world.send(link, world.log.choose("ada", CHOICES))
        link.close()
    assert world.retired == {"ada"}
    assert History.of(world.log.events).failures == ()


async def test_a_read_that_is_put_off_says_nothing_of_the_message(world: Patient) -> None:
    async with answering(503) as one:
        link = Brokers([one], random.Random(0))
        await world.send(link, world.log.read("message"))
        link.close()
    assert History.of(world.log.events).reads == ()
