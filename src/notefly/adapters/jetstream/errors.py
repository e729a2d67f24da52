"""What the driver raises, in the words of the product: the one place that knows both."""

from collections.abc import Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from notefly.domain.errors import Unavailable

PASSING = (NatsError, OSError, TimeoutError, RuntimeError)
"""Whatever the server says no to today it may do tomorrow: a queue never loses work for good.

RuntimeError is what uvloop raises for a connection that was reset under a driver's write.
"""
BUSY = 503
"""A cluster without a leader, or without the peers that a stream needs, yet."""
NO_PEERS = 10_005
"""Fewer servers than replicas: for good, or because one of them has only just started."""


class Unfit(Unavailable):
    """What is on the server will not do until somebody changes it; at start it is QueueUnusable."""


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors become Unavailable, the cause kept."""
    try:
        yield
    except PASSING as error:
        raise Unavailable(f"the queue cannot be reached now: {said(error)}") from error


def said(error: BaseException) -> str:
    """What happened, in a line; drivers raise some errors without a word."""
    if isinstance(error, APIError):
        return error.description or f"code {error.err_code}"
    return str(error) or type(error).__name__


def definite(error: APIError) -> bool:
    """Whether asking again would be answered alike."""
    return error.code != BUSY


def lacks_peers(error: object) -> bool:
    """Whether it may be answered otherwise when all servers of the cluster have met."""
    return isinstance(error, APIError) and error.err_code == NO_PEERS
