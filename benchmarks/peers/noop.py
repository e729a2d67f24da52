"""The no-op sender as a plug-in of Notefly: two channels, which the product runs as it runs any.

They are found by an entry point, so that each gets a process of its own.
"""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.work import CHANNELS, Witness, witness
from notefly.domain.batch import BATCH_LIMIT, Recipient
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import Channel, HandOver, Rendering

PEOPLE = 10_000
"""Of the crowd; the few that a small message goes to were registered after them."""
NAMES = ("first-noop", "second-noop")
INFO = "benchmarks_peers-1.dist-info"


class NoopChannel:
    """Calls the sender for each recipient; as with the peers, all have the same outcome."""

    name = ""
    number = 0
    address_kind = "email"
    batch_size = BATCH_LIMIT
    per_recipient = True

    def __init__(self) -> None:
        self._witness: Witness | None = None

    def normalise(self, address: str) -> str:
        return address

    def check(self, content: Content) -> Mapping[str, str]:
        return {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        return Rendering("text/plain", message.content.body, {})

    async def send(self, hand_over: HandOver) -> Outcomes:
        """The body says where the calls of this message are counted."""
        if self._witness is None:
            self._witness = witness()
        place = int(hand_over.message.content.body)
        for recipient in hand_over.recipients:
            self._witness.send(place, (recipient.subscriber - 1) % PEOPLE, self.number)
        return Outcomes(Delivered())


class FirstNoop(NoopChannel):
    name = NAMES[0]


class SecondNoop(NoopChannel):
    name = NAMES[1]
    number = 1


def install(folder: Path) -> Path:
    """What an installed package would leave behind; to be put on PYTHONPATH."""
    info = folder / INFO
    info.mkdir()
    points = "".join(
        f"{name} = benchmarks.peers.noop:{made.__name__}\n"
        for name, made in zip(NAMES, (FirstNoop, SecondNoop), strict=True)
    )
    (info / "entry_points.txt").write_text(f"[notefly.channels]\n{points}")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: benchmarks-peers\nVersion: 1\n")
    return folder


def _meets(channel: FirstNoop) -> Channel:
    assert len(NAMES) == CHANNELS
    return channel
