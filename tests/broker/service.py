"""A real broker process, and how the tests talk to it: every answer is held against the OpenAPI."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

PROBLEM = "application/problem+json"
PATIENCE_SECONDS = 20.0
Json = dict[str, Any]


class Api:
    """What answers at an address, whoever started it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS)
        self.document: Json = self.http.get("/openapi.json").json()

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def call(self, method: str, path: str, **content: Any) -> httpx2.Response:
        """One request; the answer must be one that the document declares."""
        response = self.http.request(method, path, **content)
        self._must_be_declared(method, path, response)
        return response

    def get(self, path: str, **params: Any) -> Json:
        """The JSON at a path."""
        response = self.call("GET", path, params=params or None)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def publish(self, key: str | None = None, **content: Any) -> Json:
        """A message that must be accepted."""
        headers = {} if key is None else {"Idempotency-Key": key}
        response = self.call("POST", "/v1/messages", json=content, headers=headers)
        assert response.status_code == 202, response.text
        return dict(response.json())

    def put(self, subscriber: str, **profile: Any) -> Json:
        """A subscriber that must be taken."""
        response = self.call("PUT", f"/v1/subscribers/{subscriber}", json=profile)
        assert response.status_code in (200, 201), response.text
        return dict(response.json())

    def done(self, message: str) -> Json:
        """The message, once everything about it has ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.get(f"/v1/messages/{message}"))["state"] != "done":
            assert time.monotonic() < deadline, f"not done: {found}"
            time.sleep(0.003)  # another process, asked over HTTP
        return found

    def deliveries(self, **wanted: Any) -> list[Json]:
        """All pages of the log that match."""
        return list(self.pages("/v1/deliveries", **wanted))

    def pages(self, path: str, **wanted: Any) -> Iterator[Json]:
        """The entries of a list, page after page."""
        page = self.get(path, **wanted)
        while True:
            yield from page["items"]
            if page["next"] is None:
                return
            page = self.get(path, **wanted, cursor=page["next"])

    @contextmanager
    def stream(self, path: str, last: str | None = None, **params: Any) -> Iterator[Iterator[Json]]:
        """Server-sent events as they come; heartbeats are left out."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with self.http.stream("GET", path, headers=headers, params=params) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["Content-Type"].startswith("text/event-stream")
            lines = response.iter_lines()
            _opened(lines)
            yield _events(lines)

    def raw(self, request: bytes) -> bytes:
        """Bytes in, one answer out."""
        with socket.create_connection(self.address, PATIENCE_SECONDS) as connection:
            connection.sendall(request)
            answered = b""
            while not _whole(answered) and (part := connection.recv(65_536)):
                answered += part
            return answered

    def _must_be_declared(self, method: str, path: str, response: httpx2.Response) -> None:
        if response.status_code >= 400:
            assert_problem(response)
        template = self._template(urlsplit(path).path)
        if template is None or method.lower() not in self.document["paths"][template]:
            assert response.status_code in (404, 405, 421), response.text
            return
        answers = self.document["paths"][template][method.lower()]["responses"]
        assert str(response.status_code) in answers, (method, path, response.status_code)
        media = response.headers.get("Content-Type", "").partition(";")[0]
        declared = answers[str(response.status_code)].get("content")
        assert declared is None or media in {*declared, PROBLEM}, (path, media)

    def _template(self, path: str) -> str | None:
        for template in self.document["paths"]:
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path):
                return str(template)
        return None


class Broker(Api):
    """One process on one data directory."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        given = {"data_dir": str(folder), "broker_port": 0, "mocks": False} | settings
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker.launch", json.dumps(given)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        if not url:
            self.process.stdout.close()
            raise AssertionError(f"the broker did not start: {self.process.wait()}")
        super().__init__(url)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and wait; its exit status."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


def assert_problem(response: httpx2.Response) -> Json:
    """Every error is RFC 9457, whatever its status. HTML is for the page alone."""
    if response.headers["Content-Type"].startswith("text/html"):
        return {}
    assert response.headers["Content-Type"] == PROBLEM, response.text
    told = dict(response.json())
    assert set(told) == {"type", "title", "status", "code", "detail", "errors"}
    assert told["status"] == response.status_code
    assert told["detail"]
    for error in told["errors"]:
        assert set(error) == {"pointer", "detail"}
    return told


def pointers(response: httpx2.Response) -> list[str]:
    """Where the problems are."""
    return [error["pointer"] for error in assert_problem(response)["errors"]]


def _whole(answered: bytes) -> bool:
    head, end, body = answered.partition(b"\r\n\r\n")
    size = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and size is not None and len(body) >= int(size[1])


def ndjson(*documents: Mapping[str, Any]) -> bytes:
    """One document a line."""
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def _opened(lines: Iterator[str]) -> None:
    """Reads up to the end of the first block: from here on nothing is missed."""
    for line in lines:
        if not line:
            return


def _events(lines: Iterator[str]) -> Iterator[Json]:
    event: Json = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line and name:
            event[name] = value
        elif not line:
            if "data" in event:
                yield event | {"data": json.loads(event["data"])}
            event = {}
