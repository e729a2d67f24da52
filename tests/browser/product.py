"""The product as it is started by its user, with a channel that repeats what it is told."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from tests.support.up import PATIENCE_SECONDS, Up, free_ports

Json = dict[str, Any]
CHANNELS = ["email", "parrot", "push", "sms"]
"""Those of the hostile; `switched` is up or down as a test says."""


class Product:
    """`notefly up`, and its API beside the pages."""

    def __init__(self, folder: Path, channels: Sequence[str] = (*CHANNELS, "switched")) -> None:
        self._switch = folder / "switch"
        self.switch("up")
        self._up = Up(
            folder,
            free_ports(),
            NOTEFLY_CHANNELS=",".join(channels),
            SWITCH_FILE=str(self._switch),
        )
        assert "Notefly is running" in self._up.box()
        self.console, self.broker = self._up.client_url, self._up.broker_url
        self.http = httpx2.Client(base_url=self.broker, timeout=PATIENCE_SECONDS)

    def switch(self, to: str) -> None:
        """How the channel `switched` answers everybody from now on."""
        self._switch.write_text(to)

    def put(self, subscriber: str, **profile: Any) -> None:
        """A subscriber that must be taken."""
        answer = self.http.put(f"/v1/subscribers/{subscriber}", json=profile)
        assert answer.status_code in (200, 201), answer.text

    def erase(self, subscriber: str) -> None:
        """Somebody on whom no other test counts."""
        answer = self.http.delete(f"/v1/subscribers/{quote(subscriber)}")
        assert answer.status_code == 204, answer.text

    def publish(self, **content: str) -> str:
        """The id of a message of which everything has ended."""
        answer = self.http.post("/v1/messages", json=content)
        assert answer.status_code == 202, answer.text
        return self.done(str(answer.json()["id"]))

    def done(self, message: str) -> str:
        """The same id, once everything about it has ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.get(f"/v1/messages/{message}")["state"] != "done":
            assert time.monotonic() < deadline, message
            time.sleep(0.003)  # another process, asked over HTTP
        return message

    def get(self, path: str, **params: str | int) -> Json:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def standing(self) -> Json:
        """Everything that somebody from outside could have changed."""
        return {
            "messages": self.get("/v1/stats")["messages"],
            "subscribers": self.get("/v1/subscribers", limit=1000)["items"],
            "channels": self.get("/v1/channels")["items"],
        }

    def end(self) -> None:
        self.http.close()
        self._up.process.terminate()
        self._up.process.wait(PATIENCE_SECONDS)
        assert "Traceback" not in self._up.end()
