"""Very many readers of one event stream: `python -m benchmarks.listeners '{…}'`.

One process and one epoll, so that reading costs the machine as little as it can. It prints the
number of streams once all are open, and then a line for each event that all of them have: when the
first and when the last had it whole, on the clock that all processes of a machine share.
"""

import json
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PART = 262_144
END = b"}\n\n"
"""Of an event: JSON has no newline of its own, and heartbeats have no brace."""
OPEN = b": ping\n\n"
"""The first words of a stream end so."""
ASK = b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
AT_ONCE = 100
"""Streams that are being opened at a time."""


@dataclass(slots=True)
class Receipts:
    """How many streams have an event, since when, and until when."""

    streams: int = 0
    first: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class Crowd:
    """Streams by their descriptor: how many events each has had, and its last two bytes."""

    streams: int
    poll: select.epoll = field(default_factory=select.epoll)
    lines: dict[int, socket.socket] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    tails: dict[int, bytes] = field(default_factory=dict)
    receipts: list[Receipts] = field(default_factory=list)
    told: int = 0

    def open(self, address: tuple[str, int]) -> None:
        """All of them, each up to its first words."""
        while len(self.lines) < self.streams:
            part: list[socket.socket] = []
            for _ in range(min(AT_ONCE, self.streams - len(self.lines) - len(part))):
                part.append(socket.create_connection(address))
                part[-1].sendall(ASK)
            for line in part:
                _opened(line)
                self.poll.register(line, select.EPOLLIN)
                self.lines[line.fileno()] = line
        self.events = dict.fromkeys(self.lines, 0)
        self.tails = dict.fromkeys(self.lines, b"")

    def listen(self) -> Iterator[Receipts]:
        """Every event that all have, in order."""
        while True:
            for number, _ in self.poll.poll():
                self._take(number)
            while self.told < len(self.receipts):
                if self.receipts[self.told].streams < self.streams:
                    break
                yield self.receipts[self.told]
                self.told += 1

    def _take(self, number: int) -> None:
        part = self.lines[number].recv(PART)
        if not part:
            raise ConnectionError("the server closed a stream")
        now = time.monotonic()
        read = self.tails[number] + part
        self.tails[number] = read[-2:]
        had = self.events[number]
        self.events[number] = has = had + read.count(END)
        while len(self.receipts) < has:
            self.receipts.append(Receipts(first=now))
        for receipt in self.receipts[had:has]:
            receipt.streams += 1
            receipt.last = now


def _opened(line: socket.socket) -> None:
    words = b""
    while OPEN not in words:
        part = line.recv(PART)
        if not part or (not words and not part.startswith(b"HTTP/1.1 200 ")):
            raise ConnectionError(f"no stream: {part[:200]!r}")
        words += part


def run(url: str, streams: int) -> None:
    """Until whoever started it has heard enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(streams)
    parts = urlsplit(url)
    crowd.open((parts.hostname or "", parts.port or 0))
    print(json.dumps(len(crowd.lines)), flush=True)
    for receipt in crowd.listen():
        print(json.dumps([receipt.first, receipt.last]), flush=True)


if __name__ == "__main__":
    run(**json.loads(sys.argv[1]))
