"""A real console process, and how the tests read its pages."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import httpx2

PATIENCE_SECONDS = 20.0


class Console:
    """One process; every page it gives must keep the rules of all pages."""

    def __init__(self, broker_url: str, **settings: Any) -> None:
        given = {"client_port": 0, "broker_url": broker_url} | settings
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.client.launch", json.dumps(given)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, f"the console did not start: {self.process.wait()}"
        self.http = httpx2.Client(base_url=self.url, timeout=PATIENCE_SECONDS)

    def get(self, path: str, status: int = 200, **request: Any) -> str:
        """A page, unescaped, for looking for text in it."""
        return unescape(self.page(self.http.get(path, **request), status))

    def post(self, path: str, form: dict[str, str], **request: Any) -> httpx2.Response:
        """A form, sent as browsers do."""
        return self.http.post(path, data=form, **request)

    def form(self) -> dict[str, str]:
        """A fresh form: its key stands for one message."""
        found = re.search('name="key" value="([^"]+)"', self.get("/pub"))
        assert found is not None
        return {"key": found[1], "category": "sports", "title": "", "body": ""}

    def page(self, response: httpx2.Response, status: int = 200) -> str:
        """Checks what holds for every page."""
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        for inline in ("<style", " style=", "<script>", "javascript:", " onclick="):
            assert inline not in response.text
        assert set(re.findall(r'(?:src|href)="(https?:[^"]*)"', response.text)) == set()
        return response.text

    @contextmanager
    def events(self, path: str = "/events", **headers: str) -> Iterator[Iterator[dict[str, str]]]:
        """Server-sent events, as they come."""
        with self.http.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["Content-Type"].startswith("text/event-stream")
            yield (
                {"event": e.event, "data": e.data, "id": e.id}
                for e in httpx2.EventSource(response)
                if e.data
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and wait; its exit status."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status
