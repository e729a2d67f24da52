"""Signed links: who holds one may see and change what one person gets, until it expires."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notefly.application.subscribers import Subscribers
from notefly.domain.access import SECRET_BYTES, Link, read_link
from notefly.domain.errors import Invalid, LinkRefused, NotFound
from notefly.domain.ids import SubscriberId
from notefly.domain.subscriber import Subscriber
from notefly.ports.clock import Clock, Ids
from notefly.ports.key_store import KeyStore

LONGEST = timedelta(days=366)
NO_USE = "this link does not work, or not any more: ask for a new one"


@dataclass(slots=True)
class Links:
    """Makes and reads them. What was signed before a restart is good after it."""

    keys: KeyStore
    subscribers: Subscribers
    clock: Clock
    ids: Ids
    _secret: bytes = field(default=b"", repr=False)

    async def make(self, subscriber: SubscriberId, lasts: timedelta) -> tuple[str, datetime]:
        """The token and when it expires, in whole seconds. Raises NotFound or Invalid."""
        if not timedelta(seconds=1) <= lasts <= LONGEST:
            raise Invalid.at("/valid_seconds", f"must be 1 to {LONGEST.days * 86_400}")
        found = await self.subscribers.get(subscriber)
        expires_at = (self.clock.now() + lasts).replace(microsecond=0)
        link = Link(found.profile.id, found.key, expires_at)
        return link.signed(await self._key()), expires_at

    async def read(self, token: str) -> Subscriber:
        """Whose page it opens. Raises LinkRefused, and never says why.

        Nobody is looked up before the signature is right, so that no answer takes longer for
        somebody who exists.
        """
        link = read_link(token, await self._key())
        if link is None or link.expires_at <= self.clock.now():
            raise LinkRefused(NO_USE)
        try:
            found = await self.subscribers.get(link.subscriber)
        except NotFound:
            raise LinkRefused(NO_USE) from None
        if found.key != link.key:
            raise LinkRefused(NO_USE)
        return found

    async def holds(self, token: str) -> bool:
        """Whether it still opens; for what goes on for long."""
        return await _succeeds(self.read(token))

    async def _key(self) -> bytes:
        if not self._secret:
            self._secret = await self.keys.link_secret(self.ids.secret(SECRET_BYTES))
        return self._secret


async def _succeeds(reading: Awaitable[Subscriber]) -> bool:
    try:
        await reading
    except LinkRefused:
        return False
    return True
