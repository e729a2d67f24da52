"""What a browser may be made to do against a service on its own machine, and how it is stopped."""

import re
from collections.abc import Iterable, Mapping

from notefly.broker.problems import CrossSite, WrongHost

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({b"same-origin", b"none"})
"""`none` is a person typing the address. Another port of the same host is `same-site`: not ours."""


class Guard:
    """Looks at the headers alone, before anything else does."""

    def __init__(self, allowed_hosts: Iterable[str]) -> None:
        listed = (f"[{name}]" if ":" in name else name for name in allowed_hosts)
        names = "|".join(map(re.escape, (*LOOPBACK, *listed)))
        self._host = re.compile(rf"(?:{names})(?::[0-9]{{1,5}})?".encode(), re.IGNORECASE)

    def refusal(self, method: str, headers: Mapping[bytes, bytes]) -> Exception | None:
        """Why the request is not answered, None when it is."""
        host = headers.get(b"host", b"")
        if not self._host.fullmatch(host):
            return WrongHost(
                "this service answers under localhost, 127.0.0.1 and [::1], "
                "and under the names in NOTEFLY_ALLOWED_HOSTS"
            )
        if method not in READING and not _same_origin(host, headers):
            return CrossSite("pages of another origin must not change anything here")
        return None


def _same_origin(host: bytes, headers: Mapping[bytes, bytes]) -> bool:
    """Programs send neither header; browsers send at least one of them with what changes things."""
    site = headers.get(b"sec-fetch-site")
    if site is not None and site not in OWN:
        return False
    origin = headers.get(b"origin")
    return origin is None or origin.lower() in (
        b"http://" + host.lower(),
        b"https://" + host.lower(),
    )
