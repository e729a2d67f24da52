"""Who would get a message, and how it would look, before it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from notefly.application.catalogue import Catalogue
from notefly.application.publish import PublishMessage
from notefly.domain.batch import Recipient
from notefly.domain.ids import (
    Epoch,
    MessageId,
    MessageKey,
    SubscriberId,
    SubscriberKey,
)
from notefly.domain.log import Audience
from notefly.domain.message import Content, Message
from notefly.ports.channel import Rendering
from notefly.ports.clock import Clock
from notefly.ports.subscriber_store import SubscriberStore

NO_MESSAGE = MessageId("00000000-0000-0000-0000-000000000000")
SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """The audience as it stands, and a rendering for each channel of an exemplary recipient."""

    audience: Audience
    rendered: Mapping[str, Rendering]


@dataclass(frozen=True, slots=True)
class PreviewMessage:
    """The dry run of a publish: the same checks, and nothing is stored."""

    publish: PublishMessage
    subscribers: SubscriberStore
    catalogue: Catalogue
    clock: Clock

    async def __call__(self, content: Content) -> Preview:
        """Raises Invalid as publishing would."""
        self.publish.check(content)
        audience = await self.subscribers.audience(content.category, content.only, SAMPLE)
        message = Message(NO_MESSAGE, MessageKey(0), Epoch(0), self.clock.now(), content)
        someone = await self._someone(audience.sample)
        rendered = {
            name: channel.render(message, recipient_of(*someone, channel.address_kind))
            for name, channel in self.catalogue.channels.items()
        }
        return Preview(audience, rendered)

    async def _someone(self, sample: Sequence[SubscriberId]) -> tuple[str, Mapping[str, str]]:
        for subscriber_id in sample:
            if found := await self.subscribers.get(subscriber_id):
                return found.profile.name, found.profile.addresses
        return "Somebody", {}


def recipient_of(name: str, addresses: Mapping[str, str], kind: str) -> Recipient:
    """A recipient to render for; without an address the kind stands in its place."""
    return Recipient(SubscriberKey(1), "", name, addresses.get(kind, f"({kind})"))
