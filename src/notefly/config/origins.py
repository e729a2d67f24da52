"""Who may call a service from a browser: the names that are its own, and the pages that are.

Broker and client ask the same rules, so that neither of the two is the weaker one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing is bound
"""Addresses to listen on that are nobody's name."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({b"same-origin", b"none"})
"""`none` is a person typing the address. Another port of the same host is `same-site`: not ours."""
AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
Headers = Sequence[tuple[bytes, bytes]]


class Own:
    """Loopback, and what is listed; in one spelling each, because a browser sends just one."""

    def __init__(self, listed: Iterable[str]) -> None:
        bracketed = (f"[{n}]" if ":" in n else n for n in listed if n not in EVERYWHERE)
        names = "|".join(map(re.escape, (*LOOPBACK, *bracketed)))
        self._host = re.compile(rf"(?:{names})(?::[0-9]{{1,5}})?".encode(), re.IGNORECASE)

    def named(self, host: bytes) -> bool:
        """Whether `Host` says one of our names: a page that rebound its own cannot."""
        return self._host.fullmatch(host) is not None

    def sent(self, method: str, host: bytes, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request changes nothing, or comes from one of our own pages or a program.

        Programs send neither header; browsers send at least one of them with what changes things.
        """
        if method in READING:
            return True
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in OWN_SITES:
            return False
        origin = headers.get(b"origin")
        name = host.lower()
        return origin is None or origin.lower() in (b"http://" + name, b"https://" + name)


def addressed(target: bytes, headers: Headers) -> list[tuple[bytes, bytes]]:
    """A request's headers with the one host that it is addressed to (RFC 9112, 3.2).

    A target that is a whole URL overrules `Host`. Raises ValueError unless there is one `Host`.
    """
    if sum(name == b"host" for name, _ in headers) != 1:
        raise ValueError("a request has one Host")
    whole = AUTHORITY.match(target)
    if whole is None:
        return list(headers)
    return [(name, whole[1] if name == b"host" else value) for name, value in headers]
