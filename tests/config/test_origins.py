"""Whose names and whose pages: the rules that broker and client share."""

import pytest

from notefly.config.origins import Own, addressed

PATH = b"/v1/messages"


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_an_address_to_listen_on_everywhere_is_no_name(everywhere: str) -> None:
    own = Own([everywhere, "notefly.example"])
    assert own.named(b"notefly.example:443")
    assert not own.named(b"0.0.0.0")
    assert not own.named(b"[::]")


def test_what_only_reads_may_come_from_anywhere() -> None:
    foreign = {b"origin": b"http://evil.test", b"sec-fetch-site": b"cross-site"}
    own = Own([])
    assert own.sent("GET", b"localhost", foreign)
    assert not own.sent("POST", b"localhost", foreign)
    assert not own.sent("ANYTHING", b"localhost", foreign)


def test_a_path_leaves_the_header_as_it_is() -> None:
    headers = [(b"accept", b"*/*"), (b"host", b"localhost")]
    assert addressed(PATH, headers) == headers
    assert addressed(b"*", headers) == headers
    assert addressed(b"/http://evil.test/", headers) == headers


def test_a_whole_url_says_who_is_meant() -> None:
    headers = [(b"host", b"localhost")]
    assert addressed(b"http://evil.test/x", headers) == [(b"host", b"evil.test")]
    assert addressed(b"HTTP://a@b:1?x", headers) == [(b"host", b"a@b:1")]


@pytest.mark.parametrize("hosts", [[], [b"localhost", b"localhost"]])
def test_there_is_one_host(hosts: list[bytes]) -> None:
    with pytest.raises(ValueError, match="one Host"):
        addressed(PATH, [(b"host", host) for host in hosts])
