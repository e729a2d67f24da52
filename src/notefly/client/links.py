"""Where the broker is for the reader's browser, which may not be where it is for us."""

from urllib.parse import urlsplit

from quart import has_request_context, request

from notefly.config import Settings, origin, reachable


class Links:
    """Addresses on the broker, under the host name by which the reader reached this page."""

    def __init__(self, settings: Settings) -> None:
        derived = origin(reachable(settings.host), settings.broker_port)
        self._elsewhere = settings.broker_url if settings.broker_url != derived else ""
        self._port = settings.broker_port
        self.wants_key = settings.keys_required or bool(settings.api_key)

    def broker(self, path: str) -> str:
        """An absolute URL."""
        if self._elsewhere or not has_request_context():
            return self._elsewhere + path
        name = urlsplit(request.url).hostname or "localhost"
        return origin(name, self._port) + path
