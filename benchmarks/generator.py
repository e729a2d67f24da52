"""Our own closed-loop load, for machines without wrk: `python -m benchmarks.generator '{…}'`."""

import json
import select
import socket
import sys
import time
from urllib.parse import urlsplit

from benchmarks.figures import percentile
from benchmarks.wire import request, taken

PART = 65_536


def run(
    url: str, seconds: float, category: str, requests: int, connections: int
) -> dict[str, float]:
    """Keep every connection busy until the time is over or so many requests were answered."""
    parts = urlsplit(url)
    asked = request(category)
    poll = select.epoll()
    lines = {}
    for _ in range(connections):
        line = socket.create_connection((parts.hostname or "", parts.port or 0))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines[line.fileno()] = line
        poll.register(line, select.EPOLLIN)
    buffers = dict.fromkeys(lines, b"")
    sent: dict[int, float] = {}
    waited: list[float] = []
    began = time.perf_counter()
    for number, line in lines.items():
        sent[number] = time.perf_counter()
        line.sendall(asked)
    while (now := time.perf_counter()) < began + seconds and not 0 < requests <= len(waited):
        for number, _ in poll.poll(0.1):
            part = lines[number].recv(PART)
            if not part:
                raise ConnectionError("the server closed a connection")
            buffers[number] += part
            if size := taken(buffers[number]):
                buffers[number] = buffers[number][size:]
                now = time.perf_counter()
                waited.append(now - sent[number])
                sent[number] = now
                lines[number].sendall(asked)
    for line in lines.values():
        line.close()
    p99 = percentile(waited, 0.99) * 1e3
    return {"requests": len(waited), "seconds": now - began, "p99_milliseconds": p99}


if __name__ == "__main__":
    print(json.dumps(run(**json.loads(sys.argv[1]))))
