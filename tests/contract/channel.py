"""What every channel must do, whoever wrote it and wherever it runs."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from notefly.domain.batch import BATCH_LIMIT
from notefly.domain.ids import NAME
from notefly.domain.message import Content
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.channel import Channel, HandOver, Rendering
from tests.channels.builders import hand_over, message, recipient

BODIES = ["Goal!", "\u26bd \U0001f600", "a\r\nb\tc\x0b\x1b", "x" * 1_000, " ", ".\n", "</script>"]
HOSTILE = ["\ud800", "\0", "x" * 300_000, "\U0001f600" * 70_000, "\n" * 5_000, ""]


@dataclass(frozen=True, slots=True)
class Subject:
    """A channel under test, with addresses that it takes and some that it does not."""

    channel: Channel
    good: Sequence[str]
    bad: Sequence[str]


def has_a_sound_description(subject: Subject) -> None:
    channel = subject.channel
    assert NAME.fullmatch(channel.name)
    assert NAME.fullmatch(channel.address_kind)
    assert 1 <= channel.batch_size <= BATCH_LIMIT
    assert channel.per_recipient in (True, False)


def spells_an_address_in_one_way(subject: Subject) -> None:
    for address in subject.good:
        spelled = subject.channel.normalise(address)
        assert isinstance(spelled, str)
        assert spelled
        assert subject.channel.normalise(spelled) == spelled


def says_what_is_wrong_with_an_address(subject: Subject) -> None:
    """And does not repeat it: what is said ends in logs."""
    for address in subject.bad:
        with pytest.raises(ValueError, match=r".{10}") as refused:
            subject.channel.normalise(address)
        assert not address or address not in str(refused.value)


def checks_anything_without_failing(subject: Subject) -> None:
    for text in [*BODIES, *HOSTILE]:
        for content in (Content("sports", text), Content(text, "Goal!", text)):
            found = subject.channel.check(content)
            assert set(found) <= {"body", "title", "category"}
            assert all(isinstance(detail, str) and detail for detail in found.values())


def takes_an_ordinary_message(subject: Subject) -> None:
    assert not subject.channel.check(Content("sports", "Goal!"))
    assert not subject.channel.check(Content("sports", "Goal!", "Ada scored"))


def renders_what_it_takes(subject: Subject) -> None:
    channel = subject.channel
    for body in BODIES:
        told = message(body, "Ada scored")
        if channel.check(told.content):
            continue
        for address in (*subject.good, f"({channel.address_kind})"):
            rendering = channel.render(told, recipient(address))
            assert isinstance(rendering, Rendering)
            assert rendering.text.encode()
            assert "/" in rendering.content_type
            assert all(isinstance(value, str | int) for value in rendering.facts.values())


def renders_the_same_every_time(subject: Subject) -> None:
    for body in BODIES:
        asked = message(body, "Ada scored"), recipient(subject.good[0])
        first = subject.channel.render(*asked)
        assert all(subject.channel.render(*asked) == first for _ in range(3))


async def answers_for_those_it_was_asked_about(subject: Subject) -> None:
    channel = subject.channel
    addresses = [channel.normalise(address) for address in subject.good]
    for attempt in (1, 2):
        handed = hand_over(addresses, attempt=attempt, channel=channel.name)
        if not channel.per_recipient:
            handed = HandOver(handed.message, channel.name, attempt, handed.size, [])
        outcomes = await channel.send(handed)
        assert isinstance(outcomes, Outcomes)
        assert isinstance(outcomes.default, Delivered | Retry | Refused)
        assert set(outcomes.exceptions) <= {r.subscriber for r in handed.recipients}
        assert all(isinstance(o, Delivered | Retry | Refused) for o in outcomes.exceptions.values())


async def takes_a_full_batch(subject: Subject) -> None:
    channel = subject.channel
    addresses = [channel.normalise(subject.good[0])] * channel.batch_size
    handed = hand_over(addresses, channel=channel.name)
    if not channel.per_recipient:
        handed = HandOver(handed.message, channel.name, 1, handed.size, [])
    assert await channel.send(handed) == await channel.send(handed)


Check = Callable[[Subject], Awaitable[None] | None]

CHECKS: Sequence[Check] = (
    has_a_sound_description,
    spells_an_address_in_one_way,
    says_what_is_wrong_with_an_address,
    checks_anything_without_failing,
    takes_an_ordinary_message,
    renders_what_it_takes,
    renders_the_same_every_time,
    answers_for_those_it_was_asked_about,
    takes_a_full_batch,
)


async def hold(check: Check, subject: Subject) -> None:
    """Run one check, whichever kind it is."""
    result = check(subject)
    if inspect.isawaitable(result):
        await result
