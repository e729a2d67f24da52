"""Ordinary functions that wait for the server without holding up the event loop.

The rules of a store are ordinary functions over a transaction, shared by engines. Here each runs in
a greenlet of its own: where it needs an answer it steps aside, and the loop goes on. The same as
SQLAlchemy does for its asyncio drivers (docs/decisions/0011-one-set-of-rules.md).
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")
A = TypeVar("A")


async def step_aside(work: Callable[[A], T], argument: A) -> T:
    """Run `work(argument)`; whatever it hands to `answer` is awaited here."""
    function = greenlet(work)
    step: Any = function.switch(argument)
    while not function.dead:
        try:
            found = await step
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
            step = function.throw(error)
        else:
            step = function.switch(found)
    result: T = step
    return result


def answer(awaitable: Awaitable[T]) -> T:
    """What it returns or raises; only inside `step_aside`."""
    outside = getcurrent().parent
    if outside is None:
        raise RuntimeError("a transaction was used outside the work that it was opened for")
    found: T = outside.switch(awaitable)
    return found
