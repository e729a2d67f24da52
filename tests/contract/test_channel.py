"""The suite of `channel.py` over every channel that is installed, and over wrong ones."""

import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from notefly.adapters.channels.chaotic import ChaoticChannel
from notefly.adapters.channels.registry import (
    BUILT_IN,
    close_channels,
    find_channels,
    load_channels,
    make,
    only_point,
)
from notefly.adapters.channels.sms import SmsChannel
from notefly.domain.batch import Recipient
from notefly.domain.chaos import Dials
from notefly.domain.ids import SubscriberKey
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver, Rendering
from tests.contract import channel as contract
from tests.contract.channel import CHECKS, Check, Subject, hold

BOX = (["ok", "box-7"], ["", "two words", "x" * 65])
PHONE = (["+14155550123", "+44 20 7946 0958"], ["", "nobody", "020 7946 0958"])
ADDRESSES = {
    "sms": PHONE,
    "whatsapp": PHONE,
    "email": (["ada@example.com", "Eve@Team.Example"], ["", "nobody", "a@b@example.com"]),
    "push": (["a", "x" * 4_096], ["", "two words", "x" * 4_097]),
    "pager": (["1234", "12 34-567"], ["", "123", "call me"]),
    "recorder": BOX,
    "exiting": BOX,
    "hanging": BOX,
    "hungry": BOX,
    "flaky": BOX,
    "switched": BOX,
    "stamper": BOX,
    "brute": BOX,
    "courier": BOX,
    "parrot": (["any text at all"], [""]),
}


def test_the_suite_knows_every_channel_that_is_installed() -> None:
    assert set(find_channels()) == set(ADDRESSES)


@pytest.fixture(params=ADDRESSES)
async def subject(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Subject]:
    monkeypatch.setenv("RECORDER_FILE", str(tmp_path / "record"))
    channels = load_channels([request.param], monotonic=time.monotonic)
    yield Subject(channels[request.param], *ADDRESSES[request.param])
    await close_channels(channels.values())


@pytest.fixture(params=BUILT_IN)
def spoiled(request: pytest.FixtureRequest) -> Subject:
    """In log mode, with chaos around it."""

    async def at_once(_: float) -> None:
        return

    channel = make(only_point(request.param, find_channels()), {})
    trouble = Dials(failure_rate=0.4, refusal_rate=0.05, timeout_rate=0.2, latency_seconds=1.0)
    chaotic = ChaoticChannel(channel, lambda: trouble, at_once, lambda: 0.5)
    return Subject(chaotic, *ADDRESSES[request.param])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_channel_that_misbehaves_on_purpose(spoiled: Subject, check: Check) -> None:
    await hold(check, spoiled)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_channel(subject: Subject, check: Check) -> None:
    await hold(check, subject)


class Wrong:
    """A sound channel, but for what a test replaces in it."""

    name = "wrong"
    address_kind = "phone"
    batch_size = 100
    per_recipient = True

    def __init__(self, **flaws: Any) -> None:
        sms = SmsChannel()
        self.normalise = sms.normalise
        self.check = sms.check
        self.render = sms.render
        vars(self).update(flaws)

    async def send(self, hand_over: HandOver) -> Outcomes:
        return Outcomes(Delivered())


def echo(address: str) -> str:
    raise ValueError(f"{address} is not a phone number")


def accept(address: str) -> str:
    return address + "!"


def refuse(content: Content) -> Mapping[str, str]:
    return {"body": "is not to my taste"}


def choke(content: Content) -> Mapping[str, str]:
    return {"body": "too long"} if len(content.body.encode()) > 4_096 else {}


def dream(message: Message, recipient: Recipient) -> Rendering:
    return Rendering("text/plain", str(time.perf_counter_ns()), {})


def stumble(message: Message, recipient: Recipient) -> Rendering:
    return Rendering("text/plain", str(int(recipient.address.removeprefix("+"))), {})


async def gossip(hand_over: HandOver) -> Outcomes:
    return Outcomes(Delivered(), {SubscriberKey(10_000): Delivered()})


async def tire(hand_over: HandOver) -> Outcomes:
    if hand_over.size > 10:
        raise RuntimeError("too many")
    return Outcomes(Delivered())


FLAWS: list[tuple[Check, Mapping[str, object]]] = [
    (contract.has_a_sound_description, {"batch_size": 1_001}),
    (contract.has_a_sound_description, {"name": "Wrong"}),
    (contract.spells_an_address_in_one_way, {"normalise": accept}),
    (contract.says_what_is_wrong_with_an_address, {"normalise": accept}),
    (contract.says_what_is_wrong_with_an_address, {"normalise": echo}),
    (contract.checks_anything_without_failing, {"check": choke}),
    (contract.takes_an_ordinary_message, {"check": refuse}),
    (contract.renders_what_it_takes, {"render": stumble}),
    (contract.renders_the_same_every_time, {"render": dream}),
    (contract.answers_for_those_it_was_asked_about, {"send": gossip}),
    (contract.takes_a_full_batch, {"send": tire}),
]


@pytest.mark.parametrize(("check", "flaws"), FLAWS)
async def test_the_suite_fails_on_a_wrong_channel(
    check: Check, flaws: Mapping[str, object]
) -> None:
    await hold(check, Subject(Wrong(), *PHONE))
    with pytest.raises((AssertionError, ValueError, RuntimeError, pytest.fail.Exception)):
        await hold(check, Subject(Wrong(**flaws), *PHONE))


def test_every_check_was_seen_to_fail() -> None:
    assert {check for check, _ in FLAWS} == set(CHECKS)
