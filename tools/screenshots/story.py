"""What has happened when the pictures are taken: the same story every time."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from tests.support.up import PATIENCE_SECONDS, Up, free_ports

Json = dict[str, Any]
NEWS = (
    ("movies", "Now showing", "The film you waited for runs from Friday."),
    ("finance", "Rates unchanged", "The central bank leaves its rate at 2 %."),
    ("sports", "Kick-off at eight", "Gates open at half past six. Bring your ticket."),
    ("sports", "Goal!", "1:0 in the 89th minute."),
    ("movies", "Last seats", "Tonight at eight, row 12."),
)
REFUSED = ("sports", "Half-time", "0:0, and it rains.")
RETRIED = ("sports", "Final whistle", "It stays at 1:0.")
HELD_BACK = ("movies", "Extra show", "Because so many asked: once more on Sunday.")


class Story:
    """A product of its own, in a folder of its own; `ids` are what addresses of pages need."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ports = folder, free_ports()
        settings = {"NOTEFLY_CHANNELS": "sms,email,push", "NOTEFLY_MOCKS": "1"}
        self.began = datetime.now(UTC)
        self._up = Up(folder, self.ports, **settings)
        self.ids: dict[str, str] = {}
        self._http = httpx2.Client(base_url=self._up.broker_url, timeout=PATIENCE_SECONDS)
        if not self._up.box():
            raise RuntimeError(f"the product did not start: {self._up.end()}")
        self.console, self.broker = self._up.client_url, self._up.broker_url

    def tell(self, part: str) -> None:
        """What happens before the pictures of a part."""
        getattr(self, f"_{part}")()

    def end(self) -> None:
        self._http.close()
        self._up.end()

    def _beginning(self) -> None:
        """Nothing was sent yet."""

    def _middle(self) -> None:
        """Messages arrived; one channel refused one of them for good."""
        for number, (category, title, body) in enumerate(NEWS):
            self.ids[f"arrived{number}"] = self._sent(category, title, body)
        self._turn({"email": {"refusal_rate": 1.0}})
        self.ids["dead"] = self._sent(*REFUSED)
        self._turn({})

    def _again(self) -> None:
        """One of those that were refused is replayed, and arrives."""
        letters = self._call("GET", "/v1/deliveries", params={"message": self.ids["dead"]})
        dead = sorted(one["id"] for one in letters["items"] if one["state"] == "dead")
        self._call("POST", f"/v1/deliveries/{dead[0]}/replay", json={})
        self._until_done(self.ids["dead"])
        self.ids["letter"] = dead[-1]

    def _trouble(self) -> None:
        """One channel fails for a while, another is held back."""
        self._turn({"sms": {"failure_rate": 1.0}})
        self._call("POST", "/v1/channels/push/pause")
        self.ids["retried"] = self._published(*RETRIED)
        self._published(*HELD_BACK)
        while not self._retrying():
            time.sleep(0.02)  # another process, asked over HTTP

    def _end(self) -> None:
        """All is well again, and all of it arrived."""
        self._turn({})
        self._call("POST", "/v1/channels/push/resume")
        self._until_done(self.ids["retried"])

    def _sent(self, category: str, title: str, body: str) -> str:
        return self._until_done(self._published(category, title, body))

    def _published(self, category: str, title: str, body: str) -> str:
        message = {"category": category, "title": title, "body": body}
        return str(self._call("POST", "/v1/messages", json=message)["id"])

    def _until_done(self, message: str) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._call("GET", f"/v1/messages/{message}")["state"] != "done":
            if time.monotonic() > deadline:
                raise TimeoutError(f"message {message} is not done")
            time.sleep(0.02)  # another process, asked over HTTP
        return message

    def _retrying(self) -> int:
        return sum(one["retrying"] for one in self._call("GET", "/v1/queue")["items"])

    def _turn(self, channels: Mapping[str, Mapping[str, float]]) -> None:
        self._call("PUT", "/v1/chaos", json={"channels": channels})

    def _call(self, method: str, path: str, **content: Any) -> Json:
        answer = self._http.request(method, path, **content)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}


@contextmanager
def told(folder: Path) -> Iterator[Story]:
    """The story from its beginning; its product ends with the block."""
    story = Story(folder)
    try:
        yield story
    finally:
        story.end()
