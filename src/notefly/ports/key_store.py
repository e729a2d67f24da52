"""Where API keys are kept, and the secret that links are signed with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from notefly.domain.access import ApiKey, StoredKey


class KeyStore(Protocol):
    """Keys by their id. What another process changed is seen by the next call."""

    async def add(self, stored: StoredKey) -> None:
        """Durable when it returns. Raises Conflict for an id that was ever taken."""
        ...

    async def list(self) -> Sequence[ApiKey]:
        """In the order they were made, those that are revoked included."""
        ...

    async def find(self, key_id: str) -> StoredKey | None:
        """One of them, revoked or not."""
        ...

    async def revoke(self, key_id: str, at: datetime) -> ApiKey | None:
        """Durable when it returns; the first time stays. None: no such key."""
        ...

    async def link_secret(self, fresh: bytes) -> bytes:
        """The one secret of this store; `fresh` becomes it, durably, where there is none yet."""
        ...
