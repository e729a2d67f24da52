"""What happened to a recipient's deliveries, in words and in order."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notefly.client.display import counted, steps
from notefly.client.timeline import since, timeline

ACCEPTED = "2026-01-31T12:00:00.000000Z"


def at(second: float) -> str:
    return f"2026-01-31T12:00:{second:09.6f}Z"


def attempt(number: int, second: float, ending: str = "finished", **more: Any) -> dict[str, Any]:
    times = {"claimed_at": at(second), "ended_at": None if ending == "running" else at(second)}
    return {"number": number, "ending": ending, "detail": None} | times | more


def story(channel: str, state: str, *attempts: dict[str, Any], **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "reason": None,
        "detail": None,
        "next_try_at": None,
        "updated_at": at(9),
        "rounds": [],
    }
    known = {"channel": channel, "state": state, "accepted_at": ACCEPTED, "history": attempts}
    return told | known | more


def said(*stories: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(one.since, one.channel, one.said, one.state) for one in timeline(stories)]


def test_channels_are_told_together_in_the_order_of_time() -> None:
    told = said(
        story("sms", "delivered", attempt(1, 2)), story("email", "delivered", attempt(1, 1))
    )
    assert told == [
        ("", "", "accepted", "accepted"),
        ("+1.0 s", "email", "attempt 1 was accepted by the channel", "delivered"),
        ("+2.0 s", "sms", "attempt 1 was accepted by the channel", "delivered"),
    ]


def test_a_retry_shows_what_failed_and_when_it_goes_on() -> None:
    first = attempt(1, 1, detail="503 busy")
    told = timeline([story("sms", "retrying", first, next_try_at=at(5))])
    assert [(one.said, one.detail) for one in told[1:]] == [
        ("attempt 1 did not succeed", "503 busy"),
        ("next try", ""),
    ]


def test_a_death_says_why() -> None:
    told = said(
        story("sms", "dead", attempt(1, 1), attempt(2, 2), reason="exhausted", updated_at=at(2))
    )
    assert [one[2:] for one in told[1:]] == [
        ("attempt 1 did not succeed", "retrying"),
        ("attempt 2 did not succeed", "retrying"),
        ("dead: the attempts are used up", "dead"),
    ]


def test_a_replayed_one_keeps_its_earlier_ending() -> None:
    ended = {"state": "dead", "reason": "expired", "detail": "too late", "ended_at": at(1)}
    told = said(story("sms", "delivered", attempt(1, 3), rounds=[ended]))
    assert told[1][2] == "dead: the message expired first; replayed later"
    assert told[2][2] == "attempt 1 was accepted by the channel"


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("running", "is under way"),
        ("interrupted", "was interrupted, because the worker went away"),
        ("died", "ended with the channel's own process"),
    ],
)
def test_an_attempt_that_did_not_finish_says_so(ending: str, words: str) -> None:
    assert said(story("sms", "sending", attempt(1, 1, ending)))[1][2] == f"attempt 1 {words}"


def test_nothing_to_tell() -> None:
    assert timeline([]) == []


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, ""), (0, ""), (0.018, "+18 ms"), (2.14, "+2.1 s"), (180, "+3 min"), (7_200, "+2 h")],
)
def test_times_are_told_from_the_beginning(seconds: float, shown: str) -> None:
    began = datetime(2026, 1, 31, tzinfo=UTC)
    assert since(began, datetime.fromtimestamp(began.timestamp() + seconds, UTC)) == shown


def message(state: str, total: int | None, batches: int | None, **counts: int) -> dict[str, Any]:
    return {"state": state, "batches": batches, "deliveries": {"total": total, "by_state": counts}}


@pytest.mark.parametrize(
    ("of", "shown"),
    [
        (
            message("accepted", None, None),
            [("Planned", "finding out who gets it", "now"), ("Delivering", "", "later")],
        ),
        (
            message("delivering", 5, 2, delivered=3, dead=1, retrying=1),
            [
                ("Planned", "5 deliveries in 2 batches", "done"),
                ("Delivering", "4 of 5 ended, 1 dead", "now"),
            ],
        ),
        (
            message("done", 1, 1, delivered=1),
            [("Planned", "1 delivery in 1 batch", "done"), ("Done", "1 of 1 ended", "done")],
        ),
        (
            message("done", 0, 0),
            [("Planned", "0 deliveries", "done"), ("Done", "nobody gets it", "done")],
        ),
    ],
)
def test_the_stages_of_a_message(of: dict[str, Any], shown: list[tuple[str, str, str]]) -> None:
    told = [(step.name, step.said, step.standing) for step in steps(of)]
    assert told == [("Accepted", "on stable storage", "done"), *shown]


def test_a_noun_follows_its_number() -> None:
    assert counted(1, "batch", "batches") == "1 batch"
    assert counted(1_200, "batch", "batches") == "1,200 batches"
