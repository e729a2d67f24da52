"""The broker, as the commands need it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote

import httpx2

from notefly.cli.failure import Failed
from notefly.config import Settings

Json = Mapping[str, Any]
ANSWER_SECONDS = 15.0
LOOK_SECONDS = 2.0
MENDING = {
    "key-missing": "it wants an API key; `notefly keys create NAME --scope publish --scope read` "
    "makes one where its store lies, and NOTEFLY_API_KEY takes it",
    "key-refused": "it does not know the API key in NOTEFLY_API_KEY, or it was revoked; "
    "`notefly keys list` shows those there are, `notefly keys create` makes another",
    "scope-missing": "the API key in NOTEFLY_API_KEY is not for this",
}


class Absent(Failed):
    """No answer."""


class BrokerLink:
    """Raises Absent when nobody answers, and Failed with the broker's own words when it says no."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.broker_url
        self._http = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=LOOK_SECONDS),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def absence(self) -> str:
        return (
            f"the broker at {self.url} does not answer; "
            "start it with `notefly broker`, or everything with `notefly up`"
        )

    def answers(self) -> bool:
        """Whether a broker is there."""
        try:
            return self.get("/healthz").get("status") == "ok"
        except Failed:
            return False

    def get(self, path: str, **params: str | int) -> Json:
        return self._call("GET", path, params=params)

    def publish(self, content: Mapping[str, str], key: str) -> Json:
        """Without an answer nobody knows whether it was stored; the key makes asking again safe."""
        try:
            return self._call(
                "POST", "/v1/messages", json=content, headers={"Idempotency-Key": key}
            )
        except Absent as error:
            raise Absent(f"{error.message}\nto ask again safely, add --key {key}") from error

    def post(self, path: str, content: Mapping[str, Any]) -> Json:
        return self._call("POST", path, json=content)

    def put(self, path: str, content: Mapping[str, Any]) -> Json:
        return self._call("PUT", path, json=content)

    def message(self, message: str) -> Json:
        return self.get(f"/v1/messages/{quote(message, safe='')}")

    def delivery(self, delivery: str) -> Json:
        return self.get(f"/v1/deliveries/{quote(delivery, safe='')}")

    def events(self, after: str, **params: str) -> Iterator[tuple[str, str, Json]]:
        """(event, id, fact) as they happen, a heartbeat without fact; ends with the stream."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        endless = httpx2.Timeout(ANSWER_SECONDS, read=None)
        with (
            self._translated(),
            self._http.stream(
                "GET", "/v1/events", params=params, headers=headers, timeout=endless
            ) as response,
        ):
            if not response.is_success:
                response.read()
                raise _refusal(response)
            for event in httpx2.EventSource(response):
                yield event.event, event.id, json.loads(event.data) if event.data else {}

    def _call(self, method: str, path: str, **content: Any) -> Json:
        with self._translated():
            response = self._http.request(method, path, **content)
        if not response.is_success:
            raise _refusal(response)
        return _decoded(response)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TransportError as error:
            raise Absent(self.absence) from error


def _decoded(response: httpx2.Response) -> Json:
    try:
        answer = response.json()
    except ValueError as error:
        raise Failed(f"what answers at {response.url} is no broker") from error
    return answer if isinstance(answer, dict) else {"items": answer}


def _refusal(response: httpx2.Response) -> Failed:
    problem = _decoded(response)
    if mending := MENDING.get(problem.get("code", "")):
        why = f": {problem['detail']}" if problem["code"] == "scope-missing" else ""
        return Failed(f"the broker refuses: {mending}{why}")
    errors = [f"{e['pointer'].strip('/')}: {e['detail']}" for e in problem.get("errors", ())]
    lines = [error.removeprefix(": ") for error in errors]
    return Failed("\n".join(lines) or str(problem.get("detail") or f"HTTP {response.status_code}"))
