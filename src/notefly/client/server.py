"""The console as a process: one server, which leaves quickly and cleanly when it is asked to."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from typing_extensions import override

from notefly import process
from notefly.client.app import create_app
from notefly.client.injection import Stopping
from notefly.client.protocol import ConsoleProtocol
from notefly.config import Settings, origin

GRACE_SECONDS = 5
"""For requests that are under way; streams end at once."""


def run(settings: Settings, started: Callable[[str], None] | None = None) -> None:
    """`serve` to its end."""
    process.run(serve(settings, started=started))


async def serve(settings: Settings, *, started: Callable[[str], None] | None = None) -> None:
    """Until SIGINT or SIGTERM; open streams do not hold it up.

    `started` is called with the service's address once it is ready. Whoever reaches the console
    publishes with its key, and it has no login: it listens to this machine only.
    """
    stopping = Stopping(asyncio.Event())
    config = uvicorn.Config(
        create_app(settings, stopping),
        host=settings.client_host,
        port=settings.client_port,
        http=ConsoleProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    await ConsoleServer(config, stopping, started).serve()


class ConsoleServer(uvicorn.Server):
    """uvicorn, except that streams hear of the end, and that being stopped is a success.

    As it comes it waits for streams that nobody ends, and raises the signal again afterwards.
    """

    def __init__(
        self, config: uvicorn.Config, stopping: Stopping, started: Callable[[str], None] | None
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._tell_started = started

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._tell_started is not None:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._tell_started(origin(self.config.host, port))

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in process.STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in process.STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        """Twice means at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._stopping.set()
