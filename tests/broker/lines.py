"""A connection for streams, where no server is."""

import asyncio
from collections.abc import Callable


class OpenLine:
    """The connection of somebody who takes everything."""

    on_lost: Callable[[], object] | None = None
    gone = False

    def __init__(self, pieces: "asyncio.Queue[bytes | None]") -> None:
        self._pieces = pieces

    def begin_stream(self) -> None:
        """Nothing waits here."""

    def pour(self, chunk: bytes) -> bool:
        size, _, rest = chunk.partition(b"\r\n")
        self._pieces.put_nowait(rest[: int(size, 16)])
        return True

    async def room(self) -> None:
        """Always."""
