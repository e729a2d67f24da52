"""One process, one port: from settings to a service that answers, and in order to its end."""

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
from typing_extensions import override

from notefly import process
from notefly.application.engine import Engine
from notefly.bootstrap import Delivers, make_container
from notefly.broker.acceptor import Acceptor, places
from notefly.broker.app import create_app
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.protocol import DeadlineProtocol
from notefly.config import Settings, SettingsInvalid, origin

DRAIN_SECONDS = 8.5
"""For the engine, which ends by itself within 8."""
GRACE_SECONDS = 1
"""For requests that are still being answered after that."""
BACKLOG = 2_048
PROBE_SECONDS = 0.3


def run(settings: Settings, started: Callable[[str], None] | None = None) -> None:
    """`serve` until SIGTERM or SIGINT."""
    process.run(serve(settings, started=started))


async def serve(
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Until `stop` is set; without one, SIGTERM and SIGINT set it.

    `started` is called with the service's address once it is ready. Raises SettingsInvalid for a
    port that is taken, StoreLocked, StoreUnusable, ChannelUnusable.
    """
    share = Delivers() if settings.broker_delivers else Delivers(frozenset())
    container = make_container(settings, share)
    listener = listen(settings.host, settings.broker_port, "NOTEFLY_BROKER_PORT")
    lifecycle = Lifecycle()
    try:
        engine = await container.get(Engine)
        app = await create_app(container, settings, lifecycle)
        server = InProcessServer(
            uvicorn.Config(
                app,
                http=DeadlineProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        await engine.start()
        with process.stopped_by_signal(stop) as stopping:
            async with app.throughput.kept():
                serving = asyncio.create_task(server.serve([listener]))
                await _first(server.listening, serving)
                if serving.done():
                    await serving
                    return
                lifecycle.ready()
                if started is not None:
                    started(origin(settings.host, listener.getsockname()[1]))
                await _first(stopping, serving)
                lifecycle.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        await engine.stop()
                server.should_exit = True
                await serving
    finally:
        listener.close()
        await container.close()


class InProcessServer(uvicorn.Server):
    """uvicorn's, but signals and accepting are ours, and it says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._acceptors: list[Acceptor] = []

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._acceptors = [self._acceptor(listener) for listener in sockets or []]
        for acceptor in self._acceptors:
            acceptor.open(BACKLOG)
        self.listening.set()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        await super().shutdown(sockets)

    def _acceptor(self, listener: socket.socket) -> Acceptor:
        def greet() -> DeadlineProtocol:
            return DeadlineProtocol(self.config, self.server_state, self.lifespan.state)

        return Acceptor(listener, greet, places())


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A bound socket. Raises SettingsInvalid, with the way out, where somebody else has the port.

    It is asked for first: on macOS a bind succeeds beside a server that took all addresses.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port and _answers(host, port):
        raise SettingsInvalid([_taken(host, port, setting)])
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsInvalid([_taken(host, port, setting)]) from error
        why = f"cannot listen on {host}:{port}: {error.strerror}; choose another with {setting}"
        raise SettingsInvalid([why]) from error
    return listener


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _taken(host: str, port: int, setting: str) -> str:
    who = "another program"
    if sys.platform == "darwin" and port in (5000, 7000):
        who = "another program (on macOS probably the AirPlay Receiver, see System Settings)"
    return f"port {port} of {host} belongs to {who}; stop it, or set {setting} to a free port"


async def _first(stopping: asyncio.Event, serving: "asyncio.Task[None]") -> None:
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
