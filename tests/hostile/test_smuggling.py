"""Requests whose end two servers could see in two places: they end the connection here.

Each case is followed by a harmless request. If the case is refused as malformed, that one must
not be answered: nobody knows where it begins.
"""

import pytest

from tests.broker.service import Broker
from tests.hostile.wire import GOAL, LAST, NEXT, PUBLISH, SIZE, messages, talk

EMPTY = b"0\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n" % (len(GOAL), GOAL)
CHUNKED = PUBLISH + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
REFUSED = {
    "length and chunked": PUBLISH + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + EMPTY,
    "chunked and length": PUBLISH + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + EMPTY,
    "two lengths": PUBLISH + b"Content-Length: %b\r\nContent-Length: 5\r\n\r\n" % SIZE + GOAL,
    "the same length twice": PUBLISH + b"Content-Length: %b\r\nContent-Length: %b\r\n\r\n" % (SIZE, SIZE),
    "a list of lengths": PUBLISH + b"Content-Length: %b, %b\r\n\r\n" % (SIZE, SIZE) + GOAL,
    "length with a plus": PUBLISH + b"Content-Length: +%b\r\n\r\n" % SIZE + GOAL,
    "negative length": PUBLISH + b"Content-Length: -1\r\n\r\n",
    "hexadecimal length": PUBLISH + b"Content-Length: 0x20\r\n\r\n" + GOAL,
    "length beyond 64 bits": PUBLISH + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "length, blank, colon": PUBLISH + b"Content-Length : %b\r\n\r\n" % SIZE + GOAL,
    "no length in it": PUBLISH + b"Content-Length: \r\n\r\n",
    "coding, blank, colon": PUBLISH + b"Transfer-Encoding : chunked\r\n\r\n" + EMPTY,
    "unknown coding": PUBLISH + b"Transfer-Encoding: xchunked\r\n\r\n" + EMPTY,
    "identity": PUBLISH + b"Transfer-Encoding: identity\r\n\r\n" + GOAL,
    "chunked is not last": PUBLISH + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + EMPTY,
    "chunked twice": PUBLISH + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + EMPTY,
    "two codings": PUBLISH + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + EMPTY,
    "vertical tab": PUBLISH + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + EMPTY,
    "quoted coding": PUBLISH + b'Transfer-Encoding: "chunked"\r\n\r\n' + EMPTY,
    "folded coding": PUBLISH + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + EMPTY,
    "chunked in HTTP/1.0": PUBLISH.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + EMPTY,
    "folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "one bare line feed": b"GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "bare carriage return": b"GET /healthz HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n",
    "blank before a header": GET + b" X: y\r\n\r\n",
    "no colon": GET + b"nothing\r\n\r\n",
    "NUL in a header": GET + b"X: a\0b\r\n\r\n",
    "NUL in the path": GET.replace(b"healthz", b"heal\0thz") + b"\r\n",
    "eight bits in the path": GET.replace(b"healthz", b"heal\xffthz") + b"\r\n",
    "authority": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "no Host in HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "Host twice": GET + b"Host: evil.example\r\n\r\n",
    "Host twice, ours last": GET.replace(b"localhost", b"evil.example") + b"Host: localhost\r\n\r\n",
    "the same Host twice": GET + b"Host: localhost\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unheard-of version": GET.replace(b"1.1", b"3.7") + b"\r\n",
    "method in lower case": GET.replace(b"GET", b"get") + b"\r\n",
    "blank before the method": b" " + GET + b"\r\n",
    "chunk beyond 64 bits": CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n",
    "negative chunk": CHUNKED + b"-1\r\n",
    "chunk with a prefix": CHUNKED + b"0x20\r\n" + GOAL + b"\r\n" + EMPTY,
    "chunk, blank": CHUNKED + b"20 \r\n" + GOAL + b"\r\n" + EMPTY,
    "chunk that ends in LF": CHUNKED + b"20\n" + GOAL + b"\n0\n\n",
    "chunk extension that ends in LF": CHUNKED + b"20;a=b\n" + GOAL + b"\r\n" + EMPTY,
    "chunk longer than it says": CHUNKED + b"1f\r\n" + GOAL + b"\r\n" + EMPTY,
    "trailer that frames": CHUNKED + CHUNK + b"0\r\nContent-Length: 3\r\n\r\n",
}  # fmt: skip
"""Answered with 400, or not at all."""


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_requests_end_the_connection(target: Broker, case: str) -> None:
    before = messages(target)
    told = talk(target, REFUSED[case] + NEXT + LAST)
    assert told.statuses == [400]
    assert b"application/problem+json" in told.raw
    assert b"connection: close" in told.raw
    assert messages(target) == before


@pytest.mark.parametrize("case", REFUSED)
def test_what_came_before_is_answered_before(target: Broker, case: str) -> None:
    """An answer to the malformed one must never be taken for that of the request before it."""
    slow = b"GET /v1/messages?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    told = talk(target, slow + REFUSED[case] + NEXT + LAST)
    assert told.statuses in ([200], [200, 400])
    assert told.raw.index(b'"items"') < (told.raw + b'"malformed"').index(b'"malformed"')


ANSWERED: dict[str, tuple[bytes, list[int]]] = {
    "in order": (PUBLISH + b"Content-Length: %b\r\n\r\n" % SIZE + GOAL, [202, 200]),
    "chunked": (CHUNKED + CHUNK + EMPTY, [202, 200]),
    "chunked, shouted": (PUBLISH + b"Transfer-Encoding:\tCHUNKED\r\n\r\n" + CHUNK + EMPTY, [202, 200]),
    "chunk extension": (CHUNKED + CHUNK.replace(b"\r\n", b";a=b\r\n", 1) + EMPTY, [202, 200]),
    "body of a GET": (GET + b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT, [200, 200]),
    "underscore": (PUBLISH + b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + EMPTY, [422, 200]),
    "another coding too": (PUBLISH + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + EMPTY, [400, 200]),
    "absolute": (GET.replace(b" /", b" http://LOCALHOST/") + b"\r\n", [200, 200]),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", [404, 200]),
    "absolute, another host": (GET.replace(b" /", b" http://evil.example/") + b"\r\n", [421, 200]),
    "absolute, ours, another Host": (GET.replace(b" /", b" http://127.0.0.1/") + b"\r\n", [200, 200]),
    "a host in the path": (GET.replace(b" /", b" //evil.example/") + b"\r\n", [404, 200]),
    "too large": (PUBLISH + b"Content-Length: 400000\r\n\r\n" + b"x" * 400_000, [413, 200]),
    "too large in chunks": (CHUNKED + b"61a80\r\n" + b"x" * 400_000 + b"\r\n" + EMPTY, [413, 200]),
    "announced": (PUBLISH + b"Expect: 100-continue\r\nContent-Length: %b\r\n\r\n" % SIZE + GOAL, [100, 202, 200]),
}  # fmt: skip
"""One view only: the statuses, that of the request behind it included."""


@pytest.mark.parametrize("case", ANSWERED)
def test_what_can_be_understood_is_answered_in_order(target: Broker, case: str) -> None:
    said, statuses = ANSWERED[case]
    assert talk(target, said + LAST).statuses == statuses


@pytest.mark.parametrize(
    "said",
    [
        PUBLISH + b"Content-Length: %b\r\n\r\n" % SIZE + GOAL + b"GARBAGE\r\n\r\n",
        NEXT + NEXT + b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        LAST + b"xx\0yy",
        LAST + NEXT,
    ],
)
def test_garbage_behind_requests_has_no_answer_in_front_of_theirs(
    target: Broker, said: bytes
) -> None:
    found = talk(target, said).statuses
    assert found[0] in (200, 202)
    assert found.count(400) <= 1
    assert len(found) <= 1 + said.count(b"HTTP/1.1") if said.startswith(NEXT) else len(found) <= 2


@pytest.mark.parametrize("what", [b"h2c", b"websocket"])
def test_no_other_protocol_begins_here(target: Broker, what: bytes) -> None:
    """What would be its first bytes is not taken for a request."""
    upgrade = b"Connection: upgrade\r\nUpgrade: " + what + b"\r\n"
    told = talk(target, PUBLISH + upgrade + b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT + LAST)
    assert told.statuses == [400]
    assert talk(target, GET + upgrade + b"\r\n" + NEXT + LAST).statuses == [200]


def test_a_chunk_that_never_ends_is_too_large(target: Broker) -> None:
    told = talk(target, CHUNKED + b"FFFFFFFFFFFFFFFF\r\n" + b"x" * 300_000 + LAST)
    assert told.statuses in ([413], [413, 408])
