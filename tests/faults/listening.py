"""A reader of an event stream: how much it heard, and whether the stream ended whole."""

import asyncio
import contextlib
from dataclasses import dataclass

CONNECT_SECONDS = 10.0
END = b"0\r\n\r\n"
"""The last chunk (RFC 9112, section 7.1): without it a stream was torn off."""


@dataclass(slots=True)
class Listener:
    """Listens from the start until the other side ends it."""

    port: int
    path: str
    events: int = 0
    trouble: str = ""
    """Empty as long as all is well."""
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _tail: bytes = b""

    async def open(self) -> None:
        """Returns once the stream has begun; a service that is still starting is waited for."""
        async with asyncio.timeout(CONNECT_SECONDS):
            while self._reader is None:
                try:
                    opened = await asyncio.open_connection("127.0.0.1", self.port)
                    self._reader, self._writer = opened
                except OSError:
                    await asyncio.sleep(0.05)
            assert self._writer is not None
            request = f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n"
            self._writer.write(request.encode())
            head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            self.trouble = f"{self.path} was answered {head.splitlines()[0].decode()}"

    async def listen(self) -> None:
        """Until the end; `trouble` says what was wrong with it."""
        assert self._reader is not None
        assert self._writer is not None
        with contextlib.suppress(ConnectionError):
            while data := await self._reader.read(1 << 16):
                self.events += data.count(b"\ndata: ")
                self._tail = (self._tail + data)[-64:]
        self._writer.transport.abort()
        if not self.trouble and not self._tail.endswith(END):
            self.trouble = f"the stream {self.path} was torn off behind {self._tail!r}"
        elif not self.trouble and not self._tail.removesuffix(END).endswith(b"\n\n\r\n"):
            self.trouble = f"the stream {self.path} ended within an event: {self._tail!r}"
