"""uvicorn's connection, which here knows one `Host` for a request, and answers what is no HTTP."""

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from notefly.client.security import SAFE
from notefly.config.origins import addressed

NOT_HTTP = b"This is not an HTTP request that this console can answer.\n"


class ConsoleProtocol(HttpToolsProtocol):
    """Every answer has the safe headers, also the one that the application never hears of."""

    @override
    def on_headers_complete(self) -> None:
        # A list of its own: what follows the body, as trailers, must not become a header.
        self.scope["headers"] = addressed(self.url, self.headers)
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        head = {"content-type": "text/plain; charset=utf-8", "connection": "close"} | SAFE
        lines = [f"{name}: {value}\r\n" for name, value in head.items()]
        size = f"content-length: {len(NOT_HTTP)}\r\n\r\n"
        self.transport.write(STATUS_LINE[400] + "".join((*lines, size)).encode() + NOT_HTTP)
        self.transport.close()
