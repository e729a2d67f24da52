"""Whoever is erased is nowhere in the store's files any more, and the counts stay."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from notefly.adapters.sqlite.connection import open_reader, store_path
from tests.broker.service import Broker

PEOPLE = 60
ERASED = range(0, PEOPLE, 3)


def canary(number: int) -> str:
    return f"kanarie{number:03}"


def profile(number: int, mailbox: str) -> dict[str, Any]:
    word = canary(number)
    return {
        "name": f"Name {word.upper()}",
        "email": f"{mailbox}.{word}@example.org",
        "addresses": {"box": f"refuse-{mailbox}-{word}"},
        "categories": ["sports"],
        "channels": ["email", "flaky"],
    }


def canaries(folder: Path, numbers: range) -> set[int]:
    """Who is still in one of the store's files, in whatever case."""
    content = b"".join(file.read_bytes() for file in folder.iterdir()).lower()
    return {number for number in numbers if canary(number).encode() in content}


def test_whoever_is_erased_is_gone_from_every_file(
    start: Callable[..., Broker], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    broker = start(channels=["email", "flaky"])
    for mailbox in ("old", "new"):
        for number in range(PEOPLE):
            broker.put(canary(number), **profile(number, mailbox))
        broker.done(broker.publish(category="sports", body="Goal!")["id"])
        assert broker.call("POST", "/v1/dead-letters/replay", json={}).status_code in (200, 202)
    messages = [broker.done(message["id"]) for message in broker.pages("/v1/messages")]
    assert canaries(folder, range(PEOPLE)) == set(range(PEOPLE))
    for number in ERASED:
        assert broker.call("DELETE", f"/v1/subscribers/{canary(number)}").status_code == 204
    broker.publish(category="sports", body="One more commit")
    assert canaries(folder, range(PEOPLE)) == set(range(PEOPLE)) - set(ERASED)
    shown = "".join(str(line).lower() for line in broker.deliveries())
    assert not [number for number in ERASED if canary(number) in shown]
    for message in messages:
        assert broker.get(f"/v1/messages/{message['id']}")["deliveries"] == message["deliveries"]
    assert broker.stop() == 0
    assert canaries(folder, range(PEOPLE)) == set(range(PEOPLE)) - set(ERASED)


def test_what_a_channel_says_of_somebody_is_kept_without_them(
    start: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = start(channels=["flaky"])
    for number in range(PEOPLE):
        word = ("tell", "yell", "well")[number % 3]
        broker.put(
            canary(number),
            name=canary(number).upper(),
            addresses={"box": f"{word}-{canary(number)}"},
            categories=["sports"],
            channels=["flaky"],
        )
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    broker.done(broker.publish(category="sports", body="Goal!", expires_at=soon)["id"])
    details = kept(tmp_path / "data")
    assert any("[redacted]" in detail for detail in details)
    assert [detail for detail in details if "kanarie" in detail.lower()] == []
    assert broker.stop() == 0


def kept(folder: Path) -> list[str]:
    connection = open_reader(str(store_path(folder)))
    try:
        return [
            row[0]
            for table in ("delivery", "attempt", "handover", "earlier_round")
            for row in connection.execute(f"SELECT detail FROM {table}")  # noqa: S608
            if row[0]
        ]
    finally:
        connection.close()
