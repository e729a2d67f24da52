"""Channels that only the tests of hosting need; a process finds them by module and name."""

import asyncio
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from notefly.adapters.channels.child import PR_SET_PDEATHSIG
from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.channel import HandOver, Rendering

FIFO = "NOTEFLY_TEST_FIFO"
STARTS = "NOTEFLY_TEST_STARTS"


class Plain:
    """Answers with its process, so that a test sees whether it is the same one."""

    name = "plain"
    address_kind = "box"
    batch_size = 1_000
    per_recipient = True

    def normalise(self, address: str) -> str:
        return address

    def check(self, content: Content) -> Mapping[str, str]:
        return {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        return Rendering("text/plain", message.content.body, {})

    async def send(self, hand_over: HandOver) -> Outcomes:
        return Outcomes(Delivered(str(os.getpid())))


class Slow(Plain):
    """Takes its time."""

    SECONDS = 0.2

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        await asyncio.sleep(self.SECONDS)
        return await super().send(hand_over)


class Mixed(Plain):
    """Every kind of outcome, the message's own parts in the details."""

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        content = hand_over.message.content
        told = f"{hand_over.message.accepted_at.isoformat()} {content.title} {content.body}"
        first, second, third = hand_over.recipients
        return Outcomes(
            Refused(told),
            {
                first.subscriber: Delivered(),
                second.subscriber: Retry(f"{second.name} \ud800", 1.5),
                third.subscriber: Refused("x" * 5_000),
            },
        )


class Mistaken(Plain):
    """Returns what the message's text names, and none of it is an answer."""

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        wrong: dict[str, Any] = {
            "nothing": None,
            "word": Outcomes("delivered"),  # type: ignore[arg-type]
            "number": Outcomes(Delivered(7)),  # type: ignore[arg-type]
            "infinite": Outcomes(Retry("later", float("inf"))),
            "stranger": Outcomes(Delivered(), {SubscriberKey(99): Delivered()}),
        }
        if hand_over.message.content.body == "cancelled":
            raise asyncio.CancelledError
        if hand_over.message.content.body == "unprintable":
            raise UnprintableError
        found: Outcomes = wrong[hand_over.message.content.body]
        return found


class UnprintableError(Exception):
    @override
    def __str__(self) -> str:
        raise RuntimeError("not even this works")


class Leaving(Plain):
    """Answers, and then goes away while nobody is asking."""

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        asyncio.get_running_loop().call_soon(os._exit, 0)
        return await super().send(hand_over)


class Garbler(Plain):
    """Writes into the pipe that is not its own what the message's text names."""

    noise: Mapping[str, bytes] = {
        "noise": b"this is no frame at all",
        "huge": (9 << 20).to_bytes(4) + b"[" * (9 << 20),
        "text": b"\0\0\0\4oops",
        "number": b"\0\0\0\x011",
        "deep": (1 << 20).to_bytes(4) + b"[" * (1 << 20),
    }
    answers: Mapping[str, Mapping[str, object]] = {
        "other": {"number": 7, "default": ["delivered", None], "exceptions": []},
        "stranger": {
            "number": 1,
            "default": ["delivered", None],
            "exceptions": [[99, ["delivered", None]]],
        },
        "outcome": {"number": 1, "default": ["perhaps", None], "exceptions": []},
        "idle": {"number": 1, "begun": False},
        "bare": {"number": 1},
        "one": {"number": 1, "default": ["delivered", None], "exceptions": {}},
        "columns": {"number": 1, "default": ["delivered", None], "delivered": [[1], []]},
        "pair": {"number": 1, "default": ["delivered", None], "exceptions": [1]},
        "infinite": {"number": 1, "default": ["retry", "later", float("inf")], "exceptions": []},
    }

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        word = hand_over.message.content.body
        if word in self.answers:
            body = json.dumps(self.answers[word]).replace("Infinity", "1e999").encode()
            garbage = len(body).to_bytes(4) + body
        else:
            garbage = self.noise[word]
        for descriptor in range(3, 16):
            scribble(descriptor, garbage)
        await asyncio.Event().wait()
        return Outcomes(Delivered())


def scribble(descriptor: int, garbage: bytes) -> None:
    """Whatever it is: most are not open, or not for writing."""
    try:
        while garbage:
            garbage = garbage[os.write(descriptor, garbage) :]
    except OSError:
        pass


class Talkative(Plain):
    """Prints a million bytes on everything that it can print on, and then answers."""

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        for _ in range(1_000):
            print("o" * 299)  # noqa: T201
            print("e" * 299, file=sys.stderr)  # noqa: T201
            os.write(1, b"r" * 399 + b"\n")
        assert not sys.stdin.read()
        return await super().send(hand_over)


def announce() -> None:
    """Says its process in a FIFO, and holds it open until it and what it started are gone."""
    held = os.open(os.environ[FIFO], os.O_WRONLY)
    os.set_inheritable(held, True)
    os.write(held, f"{os.getpid()}\n".encode())


class Holder(Plain):
    """Announces itself, and does what the message's text names."""

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        announce()
        match hand_over.message.content.body:
            case "wait":
                await asyncio.Event().wait()
            case "orphan":  # as on a system whose kernel does not tell of a parent's death
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
                time.sleep(3600)  # noqa: ASYNC251
            case "grip":  # no other thread of this process runs meanwhile
                ctypes.PyDLL(None).sleep(3600)
            case "spawn":
                nap = [sys.executable, "-c", "import time; time.sleep(3600)"]
                subprocess.Popen(nap, close_fds=False)  # noqa: ASYNC220
                os._exit(3)
        return Outcomes(Delivered())


class Unmakable(Plain):
    """Can be made in the broker only; counts where else it was tried."""

    def __init__(self) -> None:
        if starts := os.environ.get(STARTS):
            with Path(starts).open("a") as record:
                record.write("tried\n")
            raise RuntimeError("there is no licence on this machine")


class ExitsAtStart(Plain):
    def __init__(self) -> None:
        if STARTS in os.environ:
            os._exit(4)


class HangsAtStart(Plain):
    def __init__(self) -> None:
        if STARTS in os.environ:
            if FIFO in os.environ:
                announce()
            time.sleep(3600)


class Silent(Plain):
    """One answer for all: it needs no recipients."""

    per_recipient = False


class Faulty(Plain):
    """Its pure methods raise what they must not, with an address in the text."""

    @override
    def normalise(self, address: str) -> str:
        raise KeyError(address)

    @override
    def check(self, content: Content) -> Mapping[str, str]:
        raise RuntimeError(content.body)

    @override
    def render(self, message: Message, recipient: Recipient) -> Rendering:
        raise TypeError(recipient.address)


class Vague(Plain):
    """Gives nothing back."""

    @override
    def normalise(self, address: str) -> str:
        return None  # type: ignore[return-value]

    @override
    def check(self, content: Content) -> Mapping[str, str]:
        return None  # type: ignore[return-value]
