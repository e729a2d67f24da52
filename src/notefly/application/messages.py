"""Look at messages, and stop them."""

from dataclasses import dataclass

from notefly.application.doorbell import ReconcilerBell
from notefly.domain.errors import NotFound
from notefly.domain.ids import MessageId, parse_message_id
from notefly.domain.log import MessageStatus
from notefly.ports.clock import Clock
from notefly.ports.message_store import MessageStore


@dataclass(frozen=True, slots=True)
class Messages:
    """One message, from acceptance to its last delivery."""

    store: MessageStore
    clock: Clock
    reconciler: ReconcilerBell

    async def get(self, text: str) -> MessageStatus:
        """Raises NotFound, for an id of any shape."""
        message = parse_message_id(text)
        found = await self.store.get(message)
        if found is None:
            raise self._missing(message)
        return found

    async def cancel(self, text: str) -> MessageStatus:
        """Stop what has not started; cancelling twice, or after the end, changes nothing."""
        message = parse_message_id(text)
        if not await self.store.cancel(message, self.clock.now()):
            raise self._missing(message)
        self.reconciler.ring()
        return await self.get(message)

    @staticmethod
    def _missing(message: MessageId) -> NotFound:
        return NotFound(f"there is no message {message!r}")
