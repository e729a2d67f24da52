"""The process of a channel: `python -m notefly.adapters.channels.child module:Class`.

Hand-overs come in and outcomes go out by the socket that was its standard input and output; what
the channel prints goes to standard error. It never opens the store. It dies with the broker: by a
signal of the kernel on Linux, and everywhere because the socket ends.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from notefly.adapters.channels.questions import Asked
from notefly.adapters.channels.wire import (
    HEADER,
    READY,
    dump,
    frame,
    pack_not_begun,
    pack_outcomes,
    strangers,
)
from notefly.domain.outcome import Outcomes, Retry, as_outcomes
from notefly.ports.channel import Channel, HandOver
from notefly.process import collect_rarely

PR_SET_PDEATHSIG = 1
OUT_OF_MEMORY = 137
"""The status of a container that was killed for its memory; the same here, by its own hand."""


def main() -> None:
    """Serve until the broker closes the socket."""
    hands_in, answers_out = take_socket()
    die_with_parent()
    collect_rarely()
    hello = json.loads(read_frame(hands_in))
    limit_memory(hello["memory_bytes"])
    sys.path[:] = hello["path"]
    try:
        channel: Channel = EntryPoint("", sys.argv[1], "").load()()
    except Exception as error:  # noqa: BLE001 - a team's code may raise anything
        write_frame(answers_out, dump({"unusable": describe(error)}))
        return
    write_frame(answers_out, READY)
    try:
        asyncio.new_event_loop().run_until_complete(serve(channel, hands_in, answers_out))
    except BaseException as error:  # noqa: BLE001 - as above
        print_frames(error)
    finally:
        # At once: a thread of the channel must not keep alive what has lost its thread.
        os._exit(1)


async def serve(channel: Channel, hands_in: BinaryIO, answers_out: BinaryIO) -> None:
    """One hand-over at a time; the loop goes on between them, for what the channel keeps open.

    The consent of those that come together was read together: none begins when that is old, or
    behind one of which nobody was taken.
    """
    inbox: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    asked = Asked()

    def arrived(body: bytes) -> None:
        loop.call_soon_threadsafe(inbox.put_nowait, body)

    Thread(target=read_all, args=(hands_in, arrived), daemon=True).start()
    while True:
        first, begin_before, hand_overs = asked.unpack(await inbox.get())
        taken = True
        for number, hand_over in enumerate(hand_overs, first):
            if not taken or time.monotonic() > begin_before:
                write_frame(answers_out, pack_not_begun(number))
                break
            outcomes, body = await answer(channel, number, hand_over)
            write_frame(answers_out, body)
            taken = outcomes.anybody_taken(hand_over.size)


async def answer(channel: Channel, number: int, hand_over: HandOver) -> tuple[Outcomes, bytes]:
    """An exception is `Retry` for everybody; running out of memory is the end of the process."""
    try:
        outcomes = sound(await channel.send(hand_over), hand_over)
        return outcomes, pack_outcomes(number, outcomes)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - as above
        if starved(error):
            os._exit(OUT_OF_MEMORY)
        print_frames(error)
        failed = Outcomes(Retry(describe(error)))
        return failed, pack_outcomes(number, failed)


def sound(outcomes: object, hand_over: HandOver) -> Outcomes:
    """What `send` returned, if it is an answer to this. Raises TypeError or ValueError."""
    answered = as_outcomes(outcomes)
    if unknown := strangers(answered, hand_over):
        raise ValueError(f"send answered for {len(unknown)} who are not in the hand-over")
    return answered


def starved(error: BaseException) -> bool:
    """Whether memory ran out, in one task of several too."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(MemoryError) is not None
    return isinstance(error, MemoryError)


def describe(error: BaseException) -> str:
    """Its type and text; an exception that cannot be printed does no harm here."""
    return "".join(traceback.format_exception_only(error)).strip()


def print_frames(error: BaseException) -> None:
    """Where it came from, and not its text, which may hold an address, for the broker's log."""
    traceback.print_tb(error.__traceback__)
    print(type(error).__name__, file=sys.stderr)  # noqa: T201 - standard error is that log


def read_all(hands_in: BinaryIO, arrived: Callable[[bytes], None]) -> None:
    """In a thread, so that the end of the socket is seen whatever the channel is doing."""
    try:
        while True:
            arrived(read_frame(hands_in))
    finally:
        os._exit(OUT_OF_MEMORY)


def read_frame(stream: BinaryIO) -> bytes:
    """Leaves the process at the end of the socket: the broker is gone, or wants us gone."""
    header = stream.read(HEADER)
    body = stream.read(int.from_bytes(header)) if len(header) == HEADER else b""
    if not body:
        os._exit(0)
    return body


def write_frame(stream: BinaryIO, body: bytes) -> None:
    stream.write(frame(body))
    stream.flush()


def take_socket() -> tuple[BinaryIO, BinaryIO]:
    """Keep it for ourselves: what the channel prints or reads must not end up between frames.

    Nothing else of the broker's is kept: uvloop leaves copies of these descriptors behind.
    """
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    hands_in, answers_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return hands_in, answers_out


def die_with_parent() -> None:
    """Even if it is killed, and even if the channel holds the interpreter meanwhile."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit_memory(limit_bytes: int) -> None:
    """Private writable memory; address space would count libraries and reserved pages too.

    If the whole machine runs out, this process is the one to go.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = limit_bytes if most == resource.RLIM_INFINITY else min(limit_bytes, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
