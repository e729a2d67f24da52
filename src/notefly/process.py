"""What each of our processes does the same: its event loop, and how it is told to stop."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
YOUNG_OBJECTS = 10_000
"""Until they are looked through for circles; a hand-over's recipients are a thousand, and none."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """To its end, on uvloop where it is installed."""
    collect_rarely()
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop as factory  # noqa: PLC0415 - not on every platform
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def collect_rarely() -> None:
    """Python's usual 700 take 70 % of the time in which a thousand recipients are made."""
    gc.set_threshold(YOUNG_OBJECTS)


@contextlib.contextmanager
def stopped_by_signal(stop: asyncio.Event | None = None) -> Iterator[asyncio.Event]:
    """The event to wait for; whoever gives one takes care of signals too."""
    if stop is not None:
        yield stop
        return
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
