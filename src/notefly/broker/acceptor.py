"""Who is let in when many knock: as many connections as there are file handles for, no more.

Left to itself a server accepts until no handle is left; then new connections are lost, and with
them whatever else needs a handle. Here some are kept back, and when all others are taken, room is
made by closing those that have kept us waiting longest: first who never asked anything.
"""

import asyncio
import errno
import fcntl
import heapq
import resource
import socket
import termios
from collections.abc import Callable
from pathlib import Path

from notefly.broker.protocol import DeadlineProtocol

MOST = 10_000
"""Connections at once, even if there are handles for more: each takes some 20 KB."""
FEWEST = 8
SPARE = 16
"""Handles for what is opened later: processes of channels, pages, a look at the store."""
AT_ONCE = 32
PART = 50
"""One in so many is asked to leave, so that not each newcomer costs a look at everybody."""
PAUSE_SECONDS = 0.05
NO_HANDLE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def places() -> int:
    """How many connections there are handles for, with what is open now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    taken = sum(1 for _ in Path("/dev/fd").iterdir())
    return max(FEWEST, min(MOST, soft - taken - SPARE))


class Acceptor:
    """Accepts on one listening socket, in the event loop."""

    def __init__(
        self,
        listener: socket.socket,
        greet: Callable[[], DeadlineProtocol],
        most: int,
    ) -> None:
        """`greet` makes what speaks with a newcomer."""
        self._listener = listener
        self._greet = greet
        self._inside: set[DeadlineProtocol] = set()
        self._most = most
        self._arriving: set[asyncio.Task[None]] = set()
        self._paused: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def open(self, backlog: int) -> None:
        """From now on whoever knocks is let in."""
        self._listener.settimeout(0)
        self._listener.listen(backlog)
        self._loop.add_reader(self._listener, self._knock)

    def close(self) -> None:
        """Nobody more."""
        if self._paused is not None:
            self._paused.cancel()
        self._loop.remove_reader(self._listener)

    def _knock(self) -> None:
        room = self._most - len(self._inside)
        if room <= 0 and not self._made_room():
            self._pause()
        # Those who were asked to leave have left when this is called again.
        for _ in range(min(room, AT_ONCE)):
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if error.errno in NO_HANDLE and not self._made_room():
                    self._pause()
                return
            guest = self._greet()
            guest.on_gone = self._inside.discard
            self._inside.add(guest)
            task = self._loop.create_task(self._let_in(connection, guest))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _let_in(self, connection: socket.socket, guest: DeadlineProtocol) -> None:
        connection.settimeout(0)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(lambda: guest, connection)
        except OSError:
            connection.close()
            self._inside.discard(guest)

    def _made_room(self) -> bool:
        """False when everybody inside is owed an answer, or has just said something."""
        owing = [
            (one.served, one.owes_since, id(one), one)
            for one in self._inside
            if one.owes_since is not None
        ]
        asked = 0
        for *_, one in heapq.nsmallest(max(1, self._most // PART) + FEWEST, owing):
            if asked > self._most // PART:
                break
            if not _unread(one.transport):
                one.transport.abort()
                asked += 1
        return asked > 0

    def _pause(self) -> None:
        """Who knocks waits in the kernel's queue, which costs us nothing."""
        self._loop.remove_reader(self._listener)
        self._paused = self._loop.call_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._paused = None
        self._loop.add_reader(self._listener, self._knock)


def _unread(transport: asyncio.Transport) -> bool:
    """Whether something has come that was not read yet: then nobody is being kept waiting."""
    found = transport.get_extra_info("socket")
    if found is None or found.fileno() < 0:
        return False
    waiting = fcntl.ioctl(found.fileno(), termios.FIONREAD, bytes(4))
    return any(waiting)
