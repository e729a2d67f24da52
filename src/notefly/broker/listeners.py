"""Who follows a log, and what they are told: each piece is made once for all who want the same."""

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from notefly.broker import sse
from notefly.broker.door import Stay
from notefly.broker.streaming import Line, chunk
from notefly.domain.errors import NoteflyError

Place = TypeVar("Place", bound=int | str)
Wanted = TypeVar("Wanted", bound=Hashable)
Want_contra = TypeVar("Want_contra", bound=Hashable, contravariant=True)
PIECE_BYTES = 32 * 1024
"""Written at once, unless one entry alone is larger."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[Place]):
    """Something of the log, and its place in it."""

    place: Place
    what: Any


@dataclass(frozen=True, slots=True)
class Piece(Generic[Place]):
    """A chunk that is written in one go, maybe empty, and where a stream stands after it."""

    place: Place
    chunk: bytes


class Source(Protocol[Place, Want_contra]):
    """A log. Whoever wants the same of it, as `Want_contra` compares, is told the same bytes."""

    async def newest(self) -> Place:
        """The end of it."""
        ...

    async def read(self, at: Place) -> Sequence[Entry[Place]] | None:
        """Some of what is behind a place, oldest first; None when that is not kept any more."""
        ...

    async def pieces(
        self, found: Sequence[Entry[Place]], wanted: Want_contra
    ) -> Sequence[Piece[Place]]:
        """All of what was found, as far as it is wanted."""
        ...


def joined(written: Iterable[tuple[Place, bytes]]) -> list[Piece[Place]]:
    """Entry by entry, empty where it is not wanted: joined as long as a piece stays small."""
    pieces: list[Piece[Place]] = []
    waiting: list[bytes] = []
    size, at = 0, None
    for place, entry in written:
        if waiting and size + len(entry) > PIECE_BYTES and at is not None:
            pieces.append(Piece(at, chunk(b"".join(waiting))))
            waiting, size = [], 0
        if entry:
            waiting.append(entry)
            size += len(entry)
        at = place
    if at is not None:
        pieces.append(Piece(at, chunk(b"".join(waiting)) if waiting else b""))
    return pieces


class Listener(Generic[Place, Wanted]):
    """One stream."""

    __slots__ = ("heard", "left", "line", "spoken_to", "stay", "wanted")

    def __init__(self, line: Line, wanted: Wanted, stay: Stay | None, heard: int) -> None:
        self.line = line
        self.heard = heard
        """The number of the last aside that was said to it, or before it came."""
        self.wanted = wanted
        self.stay = stay
        self.spoken_to = True
        """Within this half of a heartbeat."""
        self.left: asyncio.Future[Place | None] = asyncio.get_running_loop().create_future()
        """Done when nobody writes to it any more: from where it reads on, None if nowhere."""
        line.on_lost = lambda: self.leave(None)

    def leave(self, at: Place | None) -> None:
        """Once; what is said later does not count."""
        if not self.left.done():
            self.left.set_result(at)

    def take(self, at: Place, pieces: Sequence[Piece[Place]]) -> None:
        """From a place on; it leaves where there is no room for a piece."""
        for piece in pieces:
            if piece.chunk:
                if not self.line.pour(piece.chunk):
                    self.leave(at)
                    return
                self.spoken_to = True
            at = piece.place

    async def read_on(self, pieces: Sequence[Piece[Place]]) -> None:
        """At its own speed, until nobody is there."""
        for piece in pieces:
            while piece.chunk and not self.line.pour(piece.chunk):
                await self.line.room()
                if self.line.gone:
                    return


class News(Generic[Place, Wanted]):
    """What one look found, as each listener wants it, and which of them may still hear it."""

    def __init__(
        self, source: Source[Place, Wanted], found: Sequence[Entry[Place]] | None, end: Place
    ) -> None:
        self._source = source
        self._found = found
        self._end = end
        self._pieces: dict[Wanted, Sequence[Piece[Place]] | None] = {}
        self._admitted: dict[Stay, bool] = {}

    async def prepare(self, part: Iterable[Listener[Place, Wanted]]) -> None:
        """For these, what was not prepared for others."""
        wanted = list({one.wanted for one in part} - self._pieces.keys())
        made = await asyncio.gather(*(self._made(one) for one in wanted))
        self._pieces.update(zip(wanted, made, strict=True))
        self._admitted.update(
            await who_may_stay(one for one in part if one.stay not in self._admitted)
        )

    def of(self, listener: Listener[Place, Wanted]) -> Sequence[Piece[Place]] | None:
        """What it is told; None when it may hear nothing more."""
        if listener.stay is not None and not self._admitted[listener.stay]:
            return None
        return self._pieces[listener.wanted]

    def tell(self, listener: Listener[Place, Wanted], was: Place) -> None:
        """To one that stood at that place."""
        if (pieces := self.of(listener)) is None:
            listener.leave(None)
        else:
            listener.take(was, pieces)

    async def _made(self, wanted: Wanted) -> Sequence[Piece[Place]] | None:
        """None where it cannot be read now: their streams end, and can be resumed."""
        if self._found is None:
            return [Piece(self._end, chunk(sse.reset(self._end)))]
        try:
            return await self._source.pieces(self._found, wanted)
        except NoteflyError:
            return None


async def who_may_stay(part: Iterable[Listener[Any, Any]]) -> dict[Stay, bool]:
    """Of those who have to be let in at all."""
    stays = list({one.stay for one in part if one.stay is not None})
    return dict(zip(stays, await asyncio.gather(*map(_may_stay, stays)), strict=True))


async def _may_stay(stay: Stay) -> bool:
    """Whether they would be let in now; no while nobody can tell."""
    try:
        return await stay.holds()
    except NoteflyError:
        return False
