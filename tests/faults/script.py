"""A client log, written by hand."""

from typing import Any

M = "0192f0c1-2b3c-7d4e-8f50-617283940516"
OTHER = "0192f0c1-2b3c-7d4e-8f50-617283940517"
BOTH = {"categories": ["news"], "channels": ["sms", "recorder"], "overrides": {}}
NOTHING: dict[str, Any] = {"categories": [], "channels": [], "overrides": {}}


class Script:
    """A client log, written by hand."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, **event: Any) -> None:
        self.events.append({"n": len(self.events), **event})

    def choose(self, op: int, who: str, preferences: Any, status: int = 200) -> "Script":
        people = {who: preferences}
        self.add(event="ask", op=op, kind="choose", people=people, expected=[200])
        self.add(event="answer", op=op, status=status)
        return self

    def ask(
        self, op: int, body: str = "one", key: str | None = None, expected: int = 202
    ) -> "Script":
        lines = [["news", None, part] for part in body.split()]
        self.add(event="ask", op=op, kind="publish", key=key, lines=lines, expected=[expected])
        return self

    def answer(self, op: int, *ids: str, status: int = 202) -> "Script":
        self.add(event="answer", op=op, status=status, ids=list(ids))
        return self

    def crash(self) -> "Script":
        self.add(event="crash")
        return self

    def read(self, message: str, line: list[str | None] | None) -> "Script":
        self.add(event="ask", op=99, kind="read", message=message, expected=[200, 404])
        self.add(event="answer", op=99, status=200 if line else 404, line=line)
        return self


def people() -> Script:
    return Script().choose(1, "ada", BOTH).choose(2, "bob", NOTHING)


def published() -> Script:
    return people().ask(3).answer(3, M)
