"""The client's own log of every request and answer, in a file outside the data directory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from tests.faults.link import JSON, NDJSON, Answer, Call, Link

Preferences = Mapping[str, Any]
CONTENT = ("category", "title", "body")


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to ask for; it may be asked again, under the same number and key."""

    number: int
    payload: Mapping[str, Any]
    call: Call
    repeat: bool = False
    """Its key was answered before."""


class ClientLog:
    """Writes before it asks, and again when the answer is there; `events` is what it wrote."""

    def __init__(self, path: Path) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.tolerated: list[int] = []
        """What else a write may be answered from now on, because the product was given a reason."""
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._operations = 0

    def close(self) -> None:
        self._file.close()

    def publish(
        self,
        lines: Sequence[tuple[str, str | None, str]],
        key: str | None,
        *,
        many: bool = False,
        refused: bool = False,
    ) -> Operation:
        """One message, or many as NDJSON; `refused` when it has to be."""
        documents = [
            {name: value for name, value in zip(CONTENT, line, strict=True) if value is not None}
            for line in lines
        ]
        body = "\n".join(map(json.dumps, documents)).encode()
        call = Call("POST", "/v1/messages", body, NDJSON if many else JSON, key)
        expected = [422 if refused else 202]
        payload = {"kind": "publish", "key": key, "lines": lines, "expected": expected}
        return self._operation(payload, call)

    def choose(self, who: str, preferences: Preferences) -> Operation:
        """Replace somebody's choices."""
        body = json.dumps(preferences).encode()
        call = Call("PUT", f"/v1/subscribers/{who}/preferences", body)
        return self._operation(chosen({who: preferences}), call)

    def register(self, who: str, preferences: Preferences) -> Operation:
        """Register somebody, or replace them whole."""
        body = json.dumps(profile(who) | dict(preferences)).encode()
        call = Call("PUT", f"/v1/subscribers/{who}", body)
        return self._operation(chosen({who: preferences}), call)

    def register_many(self, people: Mapping[str, Preferences]) -> Operation:
        """All of them in one commit."""
        lines = (json.dumps(profile(who) | dict(chosen)) for who, chosen in people.items())
        call = Call("POST", "/v1/subscribers", "\n".join(lines).encode(), NDJSON)
        return self._operation(chosen(people), call)

    def read(self, message: str) -> Operation:
        """Look at a message."""
        payload = {"kind": "read", "message": message, "expected": [200, 404]}
        return self._operation(payload, Call("GET", f"/v1/messages/{message}"))

    def repeat(self, answered: Operation) -> Operation:
        """The same request from another client, who has the same key."""
        return replace(self._operation(answered.payload, answered.call), repeat=True)

    async def send(self, link: Link, operation: Operation) -> Answer:
        """Raises NoAnswer, after which nothing is known of it."""
        self._write({"event": "ask", "op": operation.number, **operation.payload})
        answer = await link.ask(operation.call)
        told: dict[str, Any] = {"event": "answer", "op": operation.number, "status": answer.status}
        if operation.payload["kind"] == "publish" and answer.status == 202:
            told["ids"] = answer.body["ids"] if "ids" in answer.body else [answer.body["id"]]
        if operation.payload["kind"] == "read" and answer.status == 200:
            told["line"] = [answer.body[name] for name in CONTENT]
        self._write(told)
        return answer

    def crash(self) -> None:
        """Nobody is left who could still accept what was not answered."""
        self._write({"event": "crash"})

    def _operation(self, payload: Mapping[str, Any], call: Call) -> Operation:
        self._operations += 1
        if payload["kind"] != "read":
            payload = {**payload, "expected": [*payload["expected"], *self.tolerated]}
        return Operation(self._operations, payload, call)

    def _write(self, event: Mapping[str, Any]) -> None:
        numbered = {"n": len(self.events), **event}
        self.events.append(numbered)
        self._file.write(json.dumps(numbered) + "\n")


def chosen(people: Mapping[str, Preferences]) -> Mapping[str, Any]:
    """These are their choices from now on."""
    return {"kind": "choose", "people": people, "expected": [200, 201]}


def profile(who: str) -> dict[str, Any]:
    """Somebody who can be reached on every channel."""
    number = sum(map(ord, who)) % 1_000
    return {
        "id": who,
        "name": f"Somebody called {who}",
        "email": f"{who}@example.org",
        "phone": f"+1415555{number:04}",
        "push_token": f"token-{who}",
        "addresses": {"box": f"box-{who}"},
    }
