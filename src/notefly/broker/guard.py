"""What a browser may be made to do against a service on its own machine, and how it is stopped."""

from collections.abc import Iterable, Mapping

from notefly.broker.problems import CrossSite, WrongHost
from notefly.config.origins import Own


class Guard:
    """Looks at the headers alone, before anything else does."""

    def __init__(self, allowed_hosts: Iterable[str]) -> None:
        self._own = Own(allowed_hosts)

    def refusal(self, method: str, headers: Mapping[bytes, bytes]) -> Exception | None:
        """Why the request is not answered, None when it is."""
        host = headers.get(b"host", b"")
        if not self._own.named(host):
            return WrongHost(
                "this service answers under localhost, 127.0.0.1 and [::1], "
                "and under the names in NOTEFLY_ALLOWED_HOSTS"
            )
        if not self._own.sent(method, host, headers):
            return CrossSite("pages of another origin must not change anything here")
        return None
