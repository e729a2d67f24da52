"""The faults of the suite, in the order of the table."""

from collections.abc import Sequence
from importlib import import_module

from tests.faults.fault import Fault

MODULES = (
    "kill",
    "stop",
    "clock",
    "sigterm",
    "keys",
    "races",
    "powercut",
    "diskfull",
    "fsync",
    "migrating",
    "backup",
    "channels",
    "channel_down",
    "overload",
    "sockets",
    "fuzz",
    "cluster.killing",
    "cluster.wiping",
    "cluster.database",
    "cluster.parting",
    "cluster.unqueued",
)
"""Each has a FAULT; loaded when the suite runs, because some bring a lot with them."""


def faults(modules: Sequence[str] = MODULES) -> list[Fault]:
    """All of them; no two may have one name."""
    found: list[Fault] = [import_module(f"tests.faults.{name}").FAULT for name in modules]
    assert len({fault.name for fault in found}) == len(found)
    return found
