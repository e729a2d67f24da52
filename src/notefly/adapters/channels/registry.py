"""Finds channels by name: the built-in ones, and what teams install as `notefly.channels`."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from notefly.adapters.channels.host import DEFAULT_LIMITS, SupervisedChannel
from notefly.adapters.channels.process import Limits
from notefly.domain.batch import BATCH_LIMIT
from notefly.domain.errors import ChannelUnusable, NoteflyError
from notefly.domain.ids import NAME
from notefly.ports.channel import Channel

GROUP = "notefly.channels"
OURS = "notefly.adapters.channels."
BUILT_IN = {
    "email": f"{OURS}email:EmailChannel",
    "push": f"{OURS}push:PushChannel",
    "sms": f"{OURS}sms:SmsChannel",
}
"""They work without the package's metadata too, for example from a source tree."""
METHODS = ("normalise", "check", "render", "send")


def load_channels(
    names: Iterable[str],
    *,
    monotonic: Callable[[], float],
    limits: Limits = DEFAULT_LIMITS,
    email_sender: str | None = None,
) -> dict[str, Channel]:
    """The channels by name, in this order; what is not built in runs in a process of its own.

    Raises ChannelUnusable. Close them with `close_channels`.
    """
    points = find_channels()
    options = {"email": {"sender": email_sender}} if email_sender is not None else {}
    channels: dict[str, Channel] = {}
    for name in names:
        point = only_point(name, points)
        channel = make(point, options.get(name, {}))
        if not point.value.startswith(OURS):
            target = f"{point.module}:{point.attr}"
            channel = SupervisedChannel(channel, target, monotonic=monotonic, limits=limits)
        channels[name] = channel
    return channels


async def close_channels(channels: Iterable[Channel]) -> None:
    """End the processes of those that have one."""
    hosted = [channel for channel in channels if isinstance(channel, SupervisedChannel)]
    await asyncio.gather(*(channel.close() for channel in hosted))


def find_channels() -> dict[str, list[EntryPoint]]:
    """Everything installed; a class found twice, as in two copies of metadata, counts once."""
    found = {name: {value} for name, value in BUILT_IN.items()}
    for point in entry_points(group=GROUP):
        if not (point.name in BUILT_IN and point.value.startswith(OURS)):
            found.setdefault(point.name, set()).add(point.value)
    return {
        name: [EntryPoint(name, value, GROUP) for value in sorted(values)]
        for name, values in sorted(found.items())
    }


def only_point(name: str, points: dict[str, list[EntryPoint]]) -> EntryPoint:
    """Raises ChannelUnusable for none and for several."""
    match points.get(name, []):
        case [point]:
            return point
        case []:
            raise ChannelUnusable(
                f"there is no channel {name!r}; installed are: {', '.join(points)}. "
                f"Install the package that brings it, or correct the list of channels"
            )
        case several:
            values = " and ".join(point.value for point in several)
            raise ChannelUnusable(
                f"channel {name!r} is brought by {values}: uninstall one of them, or rename it"
            )


def make(point: EntryPoint, options: dict[str, Any]) -> Channel:
    """An instance that is what it says. Raises ChannelUnusable."""
    try:
        channel: Channel = point.load()(**options)
        wrong = list(faults(point.name, channel))
    except NoteflyError:
        raise
    except Exception as error:
        raise ChannelUnusable(
            f"channel {point.name!r} ({point.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}. Mend its package, or take it off the list"
        ) from error
    if wrong:
        raise ChannelUnusable(
            f"channel {point.name!r} ({point.value}) cannot be used: {'; '.join(wrong)}"
        )
    return channel


def faults(name: str, channel: Channel) -> Iterator[str]:
    """What a class that anybody may have written does not keep of the port."""
    if not NAME.fullmatch(name):
        yield f"the name must match {NAME.pattern}"
    if channel.name != name:
        yield f"the class calls itself {channel.name!r}; it must be named as its entry point"
    if not isinstance(channel.address_kind, str) or not NAME.fullmatch(channel.address_kind):
        yield f"address_kind is {channel.address_kind!r}; it must match {NAME.pattern}"
    if type(channel.batch_size) is not int or not 1 <= channel.batch_size <= BATCH_LIMIT:
        yield f"batch_size is {channel.batch_size!r}; it must be 1 to {BATCH_LIMIT}"
    if not isinstance(channel.per_recipient, bool):
        yield f"per_recipient is {channel.per_recipient!r}; it must be True or False"
    for method in METHODS:
        if not callable(getattr(channel, method, None)):
            yield f"it has no method {method}"
