"""Open-loop load: `python -m benchmarks.openloop '{…}'`.

Requests go out when a Poisson process says so, whatever became of those before; latency counts from
that moment, so that waiting to be sent is waiting too.
"""

import json
import random
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.wire import request, taken

PART = 65_536
LATE_SECONDS = 10.0


@dataclass(slots=True)
class Client:
    """One request at a time on each connection; a new connection when all are busy."""

    url: str
    category: str
    poll: select.epoll = field(default_factory=select.epoll)
    idle: dict[int, socket.socket] = field(default_factory=dict)
    waiting: dict[int, tuple[socket.socket, float, bytes]] = field(default_factory=dict)
    sent_late: list[float] = field(default_factory=list)
    answers: list[tuple[str, float, float]] = field(default_factory=list)

    def send(self, asked: bytes, scheduled: float) -> None:
        line = self.idle.popitem()[1] if self.idle else self._connect()
        line.sendall(asked)
        self.sent_late.append(time.monotonic() - scheduled)
        self.waiting[line.fileno()] = (line, scheduled, b"")

    def receive(self, at_most_seconds: float) -> None:
        for number, _ in self.poll.poll(max(0.0, at_most_seconds)):
            if number in self.idle:
                # The server closes what was idle for long.
                self.idle.pop(number).close()
                continue
            line, scheduled, buffer = self.waiting.pop(number)
            buffer += line.recv(PART)
            now = time.monotonic()
            if size := taken(buffer):
                self.answers.append((_id(buffer[:size]), scheduled, now))
                self.idle[number] = line
            else:
                self.waiting[number] = (line, scheduled, buffer)

    def _connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        line = socket.create_connection((parts.hostname or "", parts.port or 0))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(line, select.EPOLLIN)
        return line


def run(url: str, category: str, per_second: float, seconds: float, seed: int) -> Client:
    """Every request that was due within `seconds`, answered or given up after a while."""
    client = Client(url, category)
    chance = random.Random(seed)
    asked = request(category)
    due = began = time.monotonic()
    while (due := due + chance.expovariate(per_second)) < began + seconds:
        while (left := due - time.monotonic()) > 0:
            client.receive(left)
        client.send(asked, due)
    until = time.monotonic() + LATE_SECONDS
    while client.waiting and time.monotonic() < until:
        client.receive(0.1)
    if client.waiting:
        raise TimeoutError(f"{len(client.waiting)} requests were not answered")
    return client


def _id(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["id"])


if __name__ == "__main__":
    ended = run(**json.loads(sys.argv[1]))
    print(json.dumps({"answers": ended.answers, "sent_late": ended.sent_late}))
