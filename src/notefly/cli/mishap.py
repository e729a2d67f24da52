"""One failure on purpose: a channel in log mode refuses everybody for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from notefly.cli.broker_link import BrokerLink, Json
from notefly.cli.failure import Failed

CHAOS = "/v1/chaos"


@contextmanager
def refusing(link: BrokerLink, channel: str) -> Iterator[str]:
    """Until the block ends; then the dials are as they were.

    Gives why it cannot be, empty where it can.
    """
    before: Json = {}
    try:
        before = link.get(CHAOS)["channels"]
        link.put(CHAOS, {"channels": {**before, channel: {"refusal_rate": 1}}})
    except Failed as error:
        yield error.message
        return
    try:
        yield ""
    finally:
        link.put(CHAOS, {"channels": before})


def log_mode(link: BrokerLink) -> bool:
    """Whether nothing can leave the machine."""
    return bool(link.get(CHAOS)["possible"])
