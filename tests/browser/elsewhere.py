"""A web server of somebody else, on this machine: another port, and a name that leads here."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

EVIL = "evil.test"
PAGE = b"<!doctype html><title>elsewhere</title><h1>elsewhere</h1>"


class Handler(BaseHTTPRequestHandler):
    """The same page for every address; what it does is written by the test."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # A frame that was closed meanwhile.
            self.wfile.write(PAGE)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


class Elsewhere:
    """Runs in a thread."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def origin(self, name: str) -> str:
        return f"http://{name}:{self._server.server_port}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
