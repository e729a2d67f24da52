"""uvicorn's connection, with the deadlines that it does not have.

uvicorn keeps a connection that says nothing, or that does not take what it is sent, for as long as
the other side likes. Here both end, so that nobody can hold all connections by doing nothing.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from werkzeug.exceptions import RequestHeaderFieldsTooLarge, RequestTimeout

from notefly.broker.answers import ALL_SAFE_BYTES, CONNECTION, Answer, Send, send_answer
from notefly.broker.problems import answer_for, problem
from notefly.config.origins import addressed

HEADER_SECONDS = 10.0
BODY_SECONDS = 10.0
WRITE_SECONDS = 12.0
HEADER_BYTES = 64 * 1024


class Part(Enum):
    """What of a request is awaited."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class DeadlineProtocol(HttpToolsProtocol):
    """Headers and body must be complete in time, and what was sent must be taken in time.

    Headers may not be endless either. No timer is set for a request that comes in one piece, as
    nearly all do.
    """

    served = False
    """Whether anything was answered here."""
    owes_since: float | None = None
    """Since when the other side keeps us waiting; None while it waits for us."""
    on_gone: "Callable[[DeadlineProtocol], object] | None" = None
    on_lost: Callable[[], object] | None = None
    """For the stream that is written here, if any."""
    gone = False
    _deaf = False
    _awaited = Part.NOTHING
    _head_bytes = 0
    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.owes_since = self.loop.time()
        self._expect_head()

    @override
    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        was = self._awaited
        super().data_received(data)
        still_head = was is self._awaited is Part.HEAD
        self._head_bytes = self._head_bytes + len(data) if still_head else 0
        if self._head_bytes > HEADER_BYTES:
            self._refuse(answer_for(RequestHeaderFieldsTooLarge()))
        elif self._reading is None and self.timeout_keep_alive_task is None:
            self._expect_rest()

    def _expect_rest(self) -> None:
        if self._awaited is Part.BODY:
            self._reading = self.loop.call_later(BODY_SECONDS, self._body_is_late)
        elif self._awaited is Part.HEAD or self.cycle is None or self.cycle.response_complete:
            self._expect_head()

    def _expect_head(self) -> None:
        self._reading = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    @override
    def on_message_begin(self) -> None:
        self._awaited = Part.HEAD
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        # A list of its own: what follows the body, as trailers, must not become a header.
        self.scope["headers"] = addressed(self.url, self.headers)
        self.scope[CONNECTION] = self  # type: ignore[literal-required] # our own
        super().on_headers_complete()
        self._reading, self._awaited = _cancel(self._reading), Part.BODY

    @override
    def on_message_complete(self) -> None:
        self._reading, self._awaited = _cancel(self._reading), Part.NOTHING
        self.owes_since = None
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        self.served = True
        if not self.pipeline:
            self.owes_since = self.loop.time()
        super().on_response_complete()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self.owes_since = self.loop.time()
        self._writing = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        self._writing = _cancel(self._writing)
        if self.cycle is not None and not self.cycle.response_complete:
            self.owes_since = None
        super().resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._reading = _cancel(self._reading)
        self._writing = _cancel(self._writing)
        super().connection_lost(exc)
        self.gone = True
        if self.on_lost is not None:
            self.on_lost()
        if self.on_gone is not None:
            self.on_gone(self)

    def begin_stream(self) -> None:
        """See `Line`."""
        self.transport.set_write_buffer_limits(0)

    def pour(self, chunk: bytes) -> bool:
        """See `Line`."""
        if self.flow.write_paused or self.gone:
            return False
        self.transport.write(chunk)
        return True

    async def room(self) -> None:
        """See `Line`."""
        await self.flow.drain()

    @override
    def send_400_response(self, msg: str) -> None:
        """What is not even HTTP is answered like everything else."""
        self._refuse(problem(400, "malformed", "this is not an HTTP request, with one Host"))

    @override
    def _unsupported_upgrade_warning(self) -> None:
        """What follows is in no protocol that is spoken here: the answer is the last."""
        self._deaf, self.cycle.keep_alive = True, False

    def _refuse(self, answer: Answer) -> None:
        """End it: what cannot be understood says nothing about where a next request would begin.

        Requests that came before are answered before, so that no answer is taken for another's.
        """
        body_is_wrong = self._awaited is Part.BODY
        self._deaf, self._reading, self._awaited = True, _cancel(self._reading), Part.NOTHING
        if self.cycle is None or self.cycle.response_complete:
            if body_is_wrong:
                self.transport.close()  # It has its answer.
            else:
                self._last_words(answer)
        elif not body_is_wrong or self.cycle.response_started:
            self.cycle.keep_alive = False
        elif self.pipeline:
            self.cycle.keep_alive = False
            self.pipeline[0] = (self.cycle, _saying(answer))
        else:
            self._last_words(answer)
            self._forget()

    def hang_up(self) -> None:
        """End it at once, without a word."""
        self.transport.abort()
        self._forget()

    def _forget(self) -> None:
        """Nobody waits for this answer any more."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _body_is_late(self) -> None:
        self._reading = None
        if self.pipeline:
            # Those before it are owed their answers first.
            self._refuse(answer_for(RequestTimeout()))
            return
        if not self.cycle.response_started:
            self._last_words(answer_for(RequestTimeout()))
        self.transport.close()
        self._forget()

    def _last_words(self, answer: Answer) -> None:
        head = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", b"%d" % len(answer.body)),
            (b"connection", b"close"),
            *ALL_SAFE_BYTES,
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in head)
        self.transport.write(STATUS_LINE[answer.status] + lines + b"\r\n" + answer.body)
        self.transport.close()


def _saying(answer: Answer) -> ASGI3Application:
    async def say(_scope: object, _receive: object, send: Send) -> None:
        await send_answer(send, answer)

    return say  # type: ignore[return-value] # plain ASGI


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """What is left of it: nothing."""
    if timer is not None:
        timer.cancel()
    return None
