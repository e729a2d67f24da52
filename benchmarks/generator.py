"""Our own closed-loop load, for machines without wrk: `python -m benchmarks.generator '{…}'`."""

import json
import select
import socket
import sys
import time
from urllib.parse import urlsplit

from benchmarks.wire import request, taken

CONNECTIONS = 64
PART = 65_536


def run(url: str, seconds: float, category: str, requests: int) -> dict[str, float]:
    """Keep every connection busy until the time is over or so many requests were answered."""
    parts = urlsplit(url)
    asked = request(category)
    poll = select.epoll()
    lines = {}
    for _ in range(CONNECTIONS):
        line = socket.create_connection((parts.hostname or "", parts.port or 0))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines[line.fileno()] = line
        poll.register(line, select.EPOLLIN)
    buffers = dict.fromkeys(lines, b"")
    answered = 0
    began = time.perf_counter()
    for line in lines.values():
        line.sendall(asked)
    while (now := time.perf_counter()) < began + seconds and not 0 < requests <= answered:
        for number, _ in poll.poll(0.1):
            part = lines[number].recv(PART)
            if not part:
                raise ConnectionError("the server closed a connection")
            buffers[number] += part
            if size := taken(buffers[number]):
                buffers[number] = buffers[number][size:]
                answered += 1
                lines[number].sendall(asked)
    for line in lines.values():
        line.close()
    return {"requests": answered, "seconds": now - began}


if __name__ == "__main__":
    print(json.dumps(run(**json.loads(sys.argv[1]))))
