"""uvicorn's connection, with the deadlines that it does not have.

uvicorn keeps a connection that says nothing, or that does not take what it is sent, for as long as
the other side likes. Here both end, so that nobody can hold all connections by doing nothing.
"""

import asyncio

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from notefly.broker.problems import PROBLEM, problem

HEADER_SECONDS = 10.0
WRITE_SECONDS = 20.0


class DeadlineProtocol(HttpToolsProtocol):
    """Headers must be complete in time, and what was sent must be taken in time."""

    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        between = self.cycle is None or self.cycle.response_complete
        if between and self._reading is None and self.timeout_keep_alive_task is None:
            self._expect_headers()

    @override
    def on_headers_complete(self) -> None:
        self._reading = _cancel(self._reading)
        super().on_headers_complete()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._writing = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        self._writing = _cancel(self._writing)
        super().resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._reading = _cancel(self._reading)
        self._writing = _cancel(self._writing)
        super().connection_lost(exc)

    @override
    def send_400_response(self, msg: str) -> None:
        """What is not even HTTP is answered like everything else."""
        answer = problem(400, "malformed", "this is not an HTTP request")
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {PROBLEM}\r\n"
            f"content-length: {len(answer.body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + answer.body)
        self.transport.close()

    def _expect_headers(self) -> None:
        self._reading = self.loop.call_later(HEADER_SECONDS, self.transport.close)


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """What is left of it: nothing."""
    if timer is not None:
        timer.cancel()
    return None
