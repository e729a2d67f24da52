"""A TCP proxy that stands between one process and one server, and can part them."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field

CHUNK = 65_536
AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing drops what is unsent and sends RST."""


@dataclass(slots=True)
class Proxy:
    """Forwards every connection to `target`, a port on 127.0.0.1, until it is told otherwise."""

    target: int
    port: int = field(default=0, init=False)
    connections: int = field(default=0, init=False)
    """That were ever asked for."""
    _server: asyncio.Server | None = field(default=None, init=False)
    _flowing: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _refusing: bool = field(default=False, init=False)
    _open: set[asyncio.StreamWriter] = field(default_factory=set, init=False)
    _serving: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def start(self) -> None:
        """From now on `port` is open, also while the target is not."""
        self._flowing.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        """Accept and hold: bytes wait, as in a network that drops every packet."""
        self._flowing.clear()

    def cut(self) -> None:
        """Reset all connections, and whatever is opened until it heals."""
        self._refusing = True
        self._flowing.set()
        for writer in list(self._open):
            _reset(writer)

    def heal(self) -> None:
        """What was held goes on."""
        self._refusing = False
        self._flowing.set()

    async def stop(self) -> None:
        """Close the port, and end all connections."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._open.add(writer)
        try:
            # A stop cancels what is held; the server would report that as its own trouble.
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._serve(reader, writer)
        finally:
            _reset(writer)
            self._open.discard(writer)
            self._serving.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        if self._refusing:
            return
        there, to_there = await asyncio.open_connection("127.0.0.1", self.target)
        self._open.add(to_there)
        try:
            ways = [
                asyncio.create_task(self._pump(reader, to_there)),
                asyncio.create_task(self._pump(there, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            to_there.close()
            self._open.discard(to_there)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until it ends or is cut."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
