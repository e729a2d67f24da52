"""HTTP/1.1 as bytes: the least a client can do, so that it costs the server's machine little."""

from benchmarks.lines import document

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


def request(category: str) -> bytes:
    """A publish on a connection that is kept."""
    body = document(category)
    head = (
        "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def taken(buffer: bytes) -> int:
    """How many bytes the first whole answer has; 0 while it is not whole. Raises on no 202."""
    head, end, rest = buffer.partition(HEAD_END)
    if not end:
        return 0
    if not head.startswith(b"HTTP/1.1 202 "):
        raise ConnectionError(f"answered {head[:40]!r}")
    size = int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0])
    return len(head) + len(HEAD_END) + size if len(rest) >= size else 0
