"""One feed for very many: the same bytes for all, nothing kept for who takes none of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from notefly.broker.door import Stay
from notefly.broker.feed import Feed
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.listeners import PIECE_BYTES, Entry, Listener, Piece, joined
from notefly.broker.pulse import Beat, Pulse
from notefly.domain.errors import Unavailable

AT_ONCE = 4
CALM = Beat(heartbeat_seconds=60.0, look_seconds=0.0, pace_seconds=0.0, pace_per_stream_seconds=0.0)
BRISK = Beat(
    heartbeat_seconds=0.02, look_seconds=0.0, pace_seconds=0.0, pace_per_stream_seconds=0.0
)


@dataclass
class Numbers:
    """A log of numbers; wanted are the multiples of one."""

    end: int = 0
    kept_from: int = 1
    away: bool = False
    made: int = 0
    broken_for: int = 0
    """Who wants these cannot be told."""
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def grow(self, by: int = 1) -> None:
        self.end += by
        self.happened.set()

    async def newest(self) -> int:
        return self.end

    async def read(self, at: int) -> Sequence[Entry[int]] | None:
        if self.away:
            raise Unavailable("the store is away")
        if at < self.kept_from - 1:
            return None
        return [Entry(n, n) for n in range(at + 1, min(self.end, at + AT_ONCE) + 1)]

    async def pieces(self, found: Sequence[Entry[int]], wanted: int) -> Sequence[Piece[int]]:
        self.made += 1
        if wanted == self.broken_for:
            raise Unavailable("what they chose cannot be read")
        return joined((e.place, b"" if e.what % wanted else b"<%d>" % e.what) for e in found)

    async def watch(self) -> AsyncIterator[None]:
        while True:
            yield
            await self.happened.wait()
            self.happened.clear()


@dataclass
class Gate:
    """Whether somebody may stay."""

    open: bool = True

    @property
    def stay(self) -> Stay:
        return Stay("ann", self._holds)

    async def _holds(self) -> bool:
        return self.open


@dataclass
class Reader:
    """A line, of somebody who takes what comes while `hungry`."""

    on_lost: Callable[[], object] | None = None
    gone: bool = False
    chunks: list[bytes] = field(default_factory=list)
    took: asyncio.Event = field(default_factory=asyncio.Event)
    hungry: asyncio.Event = field(default_factory=asyncio.Event)
    refused: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hungry.set()

    def begin_stream(self) -> None:
        """Nothing waits here."""

    def pour(self, chunk: bytes) -> bool:
        if not self.hungry.is_set() or self.gone:
            self.refused.set()
            return False
        self.chunks.append(chunk)
        self.took.set()
        return True

    async def room(self) -> None:
        await self.hungry.wait()

    def leave(self) -> None:
        self.gone = True
        self.hungry.set()
        if self.on_lost is not None:
            self.on_lost()

    @property
    def text(self) -> bytes:
        return b"".join(chunk.split(b"\r\n")[1] for chunk in self.chunks)

    async def reads(self, text: bytes) -> None:
        """Until that is what came."""
        async with asyncio.timeout(5):
            while text not in self.text:
                self.took.clear()
                await self.took.wait()


class House:
    """A feed of numbers, and who follows it."""

    def __init__(self, beat: Beat = CALM) -> None:
        self.numbers = Numbers()
        self.lifecycle = Lifecycle()
        pulse = Pulse(self.numbers.watch, self.lifecycle, beat)
        self.feed = Feed[int, int](self.numbers, pulse)

    @asynccontextmanager
    async def follows(
        self, at: int = 0, wanted: int = 1, stay: Stay | None = None
    ) -> AsyncIterator[tuple[Reader, "asyncio.Task[None]"]]:
        reader = Reader()
        listener = Listener[int, int](reader, wanted, stay, self.feed.asides)
        following = asyncio.create_task(self.feed.follow(listener, at))
        try:
            yield reader, following
        finally:
            reader.leave()
            async with asyncio.timeout(5):
                await following


async def test_all_who_want_the_same_are_told_the_very_same_bytes() -> None:
    house = House()
    async with (
        house.follows() as (one, _),
        house.follows() as (two, _),
        house.follows(wanted=2) as (even, _),
    ):
        house.numbers.grow()
        await one.reads(b"<1>")
        await two.reads(b"<1>")
        made = house.numbers.made
        house.numbers.grow()
        for reader in (one, two, even):
            await reader.reads(b"<2>")
    assert one.text == two.text == b"<1><2>"
    assert even.text == b"<2>"
    assert one.chunks[-1] is two.chunks[-1]
    assert house.numbers.made == made + 2


async def test_who_takes_nothing_is_left_behind_and_reads_on_alone() -> None:
    house = House()
    async with house.follows() as (quick, _), house.follows() as (slow, following):
        house.numbers.grow()
        await slow.reads(b"<1>")
        slow.hungry.clear()
        for number in range(2, 3 * AT_ONCE):
            house.numbers.grow()
            await quick.reads(b"<%d>" % number)
        await slow.refused.wait()
        assert slow.text == b"<1>"
        slow.hungry.set()
        await slow.reads(b"<%d>" % (3 * AT_ONCE - 1))
        house.numbers.grow()
        await slow.reads(b"<%d>" % (3 * AT_ONCE))
        assert not following.done()
    assert slow.text == quick.text


async def test_who_resumes_meets_the_others_without_gap_or_repetition() -> None:
    house = House()
    house.numbers.grow(5 * AT_ONCE + 1)
    end = house.numbers.end
    async with house.follows(at=end) as (here, _), house.follows(at=2) as (late, _):
        for _ in range(2 * AT_ONCE):
            house.numbers.grow()
            await asyncio.sleep(0)  # both are under way meanwhile
        last = b"<%d>" % house.numbers.end
        await late.reads(last)
        await here.reads(last)
    assert late.text == b"".join(b"<%d>" % n for n in range(3, house.numbers.end + 1))


async def test_who_is_ahead_of_the_others_waits_for_them() -> None:
    house = House()
    async with house.follows() as (here, _):
        house.numbers.grow()
        await here.reads(b"<1>")
        house.numbers.end = 2  # committed, and not rung for yet
        async with house.follows(at=2) as (ahead, _):
            await asyncio.sleep(0)
            house.numbers.grow()
            await ahead.reads(b"<3>")
    assert ahead.text == b"<3>"
    assert here.text == b"<1><2><3>"


async def test_an_aside_is_for_who_follows_now_wherever_they_stand() -> None:
    house = House()
    house.numbers.grow()
    house.feed.say(b"<before>")
    async with house.follows(at=1) as (here, _):
        house.numbers.grow()
        await here.reads(b"<2>")
        async with house.follows() as (behind, _):
            house.feed.say(b"<aside>")
            for reader in (here, behind):
                await reader.reads(b"<aside>")
    assert here.text == b"<2><aside>"
    assert behind.text == b"<1><2><aside>"


async def test_who_may_stay_no_more_leaves_also_when_nothing_happens() -> None:
    house, door = House(BRISK), Gate()
    async with house.follows(stay=door.stay) as (reader, following):
        await reader.reads(b"ping")
        door.open = False
        async with asyncio.timeout(5):
            await following


async def test_who_may_stay_no_more_is_told_no_aside() -> None:
    house, door = House(), Gate()
    house.numbers.grow()
    async with house.follows(stay=door.stay) as (reader, following):
        await reader.reads(b"<1>")
        door.open = False
        house.feed.say(b"<aside>")
        async with asyncio.timeout(5):
            await following
    assert reader.text == b"<1>"


async def test_what_cannot_be_read_for_one_ends_no_other_stream() -> None:
    house = House()
    house.numbers.broken_for = 2
    async with house.follows() as (one, _), house.follows(wanted=2) as (_, two):
        house.numbers.grow(2)
        await one.reads(b"<2>")
        async with asyncio.timeout(5):
            await two
        house.numbers.grow()
        await one.reads(b"<3>")


async def test_who_has_no_room_for_an_aside_is_told_the_last_one_later() -> None:
    house = House(BRISK)
    async with house.follows() as (reader, _):
        house.numbers.grow()
        await reader.reads(b"<1>")
        reader.hungry.clear()
        house.feed.say(b"<missed>")
        house.feed.say(b"<last>")
        reader.hungry.set()
        await reader.reads(b"<last>")
    assert b"<missed>" not in reader.text


async def test_what_is_not_kept_is_told() -> None:
    house = House()
    house.numbers.end, house.numbers.kept_from = 9, 6
    async with house.follows(at=1) as (reader, _):
        await reader.reads(b"event: reset")
        house.numbers.grow()
        await reader.reads(b"<10>")
    assert b"<9>" not in reader.text


async def test_a_stream_ends_when_its_reader_has_gone() -> None:
    house = House()
    async with house.follows() as (other, still), house.follows() as (reader, following):
        house.numbers.grow()
        await reader.reads(b"<1>")
        reader.leave()
        await following
        house.numbers.grow()
        await other.reads(b"<2>")
        assert not still.done()
    assert reader.text == b"<1>"


async def test_whoever_has_to_leave_hears_nothing_more_and_is_asked_for_once() -> None:
    house = House()
    asked = list[str]()
    welcome = {"ann": True}

    async def holds() -> bool:
        asked.append("ann")
        return welcome["ann"]

    stay = Stay("ann", holds)
    async with house.follows(stay=stay) as (one, ended), house.follows(stay=stay) as (two, too):
        house.numbers.grow()
        await one.reads(b"<1>")
        await two.reads(b"<1>")
        asked.clear()
        welcome["ann"] = False
        house.numbers.grow()
        await asyncio.gather(ended, too)
    assert asked == ["ann"]
    assert one.text == two.text == b"<1>"


async def test_streams_end_when_the_log_cannot_be_read_and_new_ones_begin() -> None:
    house = House()
    async with house.follows() as (reader, following):
        house.numbers.grow()
        await reader.reads(b"<1>")
        house.numbers.away = True
        house.numbers.grow()
        await following
    house.numbers.away = False
    async with house.follows(at=1) as (again, _):
        await again.reads(b"<2>")


async def test_who_resumes_while_the_log_cannot_be_read_may_come_again() -> None:
    house = House()
    async with house.follows() as (reader, still):
        house.numbers.grow(3)
        await reader.reads(b"<3>")
        house.numbers.away = True
        async with house.follows(at=1) as (_, following):
            await following
        house.numbers.away = False
        assert not still.done()
        async with house.follows(at=1) as (again, _):
            await again.reads(b"<2><3>")


async def test_all_end_with_the_broker() -> None:
    house = House()
    async with house.follows() as (reader, following), house.follows() as (_, too):
        house.numbers.grow()
        await reader.reads(b"<1>")
        house.lifecycle.drain()
        await asyncio.gather(following, too)


async def test_only_who_heard_nothing_is_told_where_the_stream_stands() -> None:
    house = House(BRISK)
    async with house.follows(wanted=1_000) as (reader, _):
        house.numbers.grow()
        await reader.reads(b"id: 1\n: ping")


@pytest.mark.parametrize("size", [1, PIECE_BYTES // 2 + 1, PIECE_BYTES + 1])
def test_pieces_are_joined_as_long_as_they_are_small(size: int) -> None:
    pieces = joined((place, b"x" * size if place % 2 else b"") for place in range(1, 8))
    sizes = [len(piece.chunk) for piece in pieces]
    assert pieces[-1].place == 7
    assert len(pieces) == (1 if size == 1 else 4)
    assert all(written <= max(PIECE_BYTES, size) + 16 for written in sizes)


def test_what_nobody_wants_moves_the_place() -> None:
    assert joined([(1, b""), (2, b"")]) == [Piece(2, b"")]


async def test_after_telling_everybody_it_rests_and_that_holds_up_no_end() -> None:
    house = House(Beat(60.0, look_seconds=0.0, pace_seconds=60.0))
    async with house.follows() as (reader, following):
        house.numbers.grow()
        await reader.reads(b"<1>")
        house.numbers.grow()
        house.lifecycle.drain()
        async with asyncio.timeout(5):
            await following
    assert reader.text == b"<1>"
