"""A channel with every bad habit of a plug-in; an address acts by its first word."""

import asyncio
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping

from typing_extensions import override

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import HandOver
from notefly_test_channels.box import BoxChannel
from notefly_test_channels.recorder import record

EXIT_STATUS = 3


class BruteChannel(BoxChannel):
    """What ends the process is poison; what only fails is tried again until it is given up."""

    name = "brute"

    async def send(self, hand_over: HandOver) -> Outcomes:
        record(hand_over)
        for recipient in hand_over.recipients:
            habit = HABITS.get(recipient.address.split("-")[0])
            if habit is not None:
                habit(recipient.address)
                if habit is stall:
                    await asyncio.Event().wait()
        answers: dict[SubscriberKey, Outcome] = {}
        for recipient in hand_over.recipients:
            answers |= answer(recipient)
        return Outcomes(Retry("nobody said anything of you"), answers)


def answer(recipient: Recipient) -> Mapping[SubscriberKey, Outcome]:
    """About who it is not, of no kind, of no bounds, or none at all; of most as it should be."""
    match recipient.address.split("-")[0]:
        case "stranger":
            return {SubscriberKey(10**9): Delivered()}
        case "wrong":
            return {recipient.subscriber: recipient.address}  # type: ignore[dict-item]
        case "verbose":
            return {recipient.subscriber: Refused(f"{recipient.address} " * 100_000)}
        case "few":
            return {}
        case _:
            return {recipient.subscriber: Delivered()}


class UnprintableError(Exception):
    @override
    def __str__(self) -> str:
        raise RuntimeError("not even this works")


def leave(_: str) -> None:
    os._exit(EXIT_STATUS)


def leave_politely(_: str) -> None:
    sys.exit(EXIT_STATUS)


def complain(address: str) -> None:
    raise ValueError(f"no such box: {address}")


def complain_unprintably(_: str) -> None:
    raise UnprintableError


def recurse(address: str) -> None:
    recurse(address)


def scribble(address: str) -> None:
    """Junk, or the head of a frame of gigabytes, into everything that is open."""
    junk = b"\xff\xff\xff\xff" + b"x" * 65_536 if "huge" in address else b"hello, world\n"
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, junk)
        except OSError:
            continue
    time.sleep(0.05)


def close_all(_: str) -> None:
    os.closerange(0, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def stop_oneself(_: str) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def stall(_: str) -> None:
    """Deaf to whoever asks politely, with a thread and a child that would keep it alive."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(3_600,)).start()
    if os.fork() == 0:
        time.sleep(3_600)


def eat(_: str) -> None:
    eaten = []
    while True:
        eaten.append(b"\1" * (16 << 20))


def chatter(_: str) -> None:
    for _line in range(2_000):
        print("x" * 99)  # noqa: T201 - this is what it is for
        os.write(1, b"y" * 99 + b"\n")


HABITS: Mapping[str, Callable[[str], None]] = {
    "exit": leave,
    "quit": leave_politely,
    "raise": complain,
    "mute": complain_unprintably,
    "recurse": recurse,
    "scribble": scribble,
    "close": close_all,
    "stop": stop_oneself,
    "hang": stall,
    "eat": eat,
    "print": chatter,
}
POISON = frozenset({"exit", "quit", "scribble", "close", "stop", "hang", "eat"})
GIVEN_UP = frozenset({"raise", "mute", "recurse", "stranger", "wrong", "few"})
