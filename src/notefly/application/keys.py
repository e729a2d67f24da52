"""Make and revoke API keys, and tell who presents one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notefly.domain.access import (
    CONSOLE,
    ID_BYTES,
    SECRET_BYTES,
    ApiKey,
    Principal,
    Scope,
    StoredKey,
    digest_of,
    key_id_of,
    key_problems,
    spell,
)
from notefly.domain.errors import Invalid, KeyRefused, NotFound
from notefly.ports.clock import Clock, Ids
from notefly.ports.key_store import KeyStore

KNOWN_SECONDS = 0.5
"""How long a key is believed to be as it was last read: half of what revoking may take."""
KNOWN_KEYS = 1_000
WRONG = "this API key is not known here, or was revoked; `notefly keys list` shows those there are"


@dataclass(frozen=True, slots=True)
class Keys:
    """What `notefly keys` does."""

    store: KeyStore
    clock: Clock
    ids: Ids

    async def create(self, name: str, scopes: frozenset[Scope]) -> tuple[ApiKey, str]:
        """The key and its spelling, which cannot be had a second time. Raises Invalid."""
        if problems := list(key_problems(name, scopes)):
            raise Invalid(problems)
        key = ApiKey(self.ids.secret(ID_BYTES).hex(), name, scopes, self.clock.now())
        spelled = spell(key.id, self.ids.secret(SECRET_BYTES))
        await self.store.add(StoredKey(key, digest_of(spelled)))
        return key, spelled

    async def list(self) -> Sequence[ApiKey]:
        """All that were ever made."""
        return await self.store.list()

    async def revoke(self, key_id: str) -> ApiKey:
        """Twice is as once. Raises NotFound."""
        revoked = await self.store.revoke(key_id, self.clock.now())
        if revoked is None:
            raise NotFound("there is no API key of that id; `notefly keys list` shows the ids")
        return revoked


def console_keys(digest: str, at: datetime) -> Sequence[StoredKey]:
    """The key that whoever started this broker made for its console; none without a digest.

    Its id is always the same, so that a form that is sent again after a restart is sent once. Its
    pages change people, hold channels back and replay: that takes `admin`.
    """
    if not digest:
        return ()
    scopes = frozenset({Scope.ADMIN})
    key = ApiKey(CONSOLE, "the console beside this broker", scopes, at)
    return (StoredKey(key, bytes.fromhex(digest)),)


@dataclass(slots=True)
class Authenticate:
    """Who presents a key. Only what is stored of a key is remembered, and not for long.

    `own` are keys that this process was given when it started, and that no store knows.
    """

    store: KeyStore
    clock: Clock
    own: Sequence[StoredKey] = ()
    _known: dict[str, tuple[float, StoredKey]] = field(default_factory=dict)

    async def __call__(self, presented: str) -> Principal:
        """Raises KeyRefused, or Unavailable where the store cannot be asked."""
        key_id = key_id_of(presented)
        stored = None if key_id is None else await self._stored(key_id)
        principal = None if stored is None else stored.opens_for(presented)
        if principal is None:
            raise KeyRefused(WRONG)
        return principal

    async def holds(self, principal: Principal) -> bool:
        """Whether who was let in would be let in now; for what goes on for long."""
        if not principal.key_id:
            return True
        stored = await self._stored(principal.key_id)
        return stored is not None and stored.key.revoked_at is None

    async def _stored(self, key_id: str) -> StoredKey | None:
        for stored in self.own:
            if stored.key.id == key_id:
                return stored
        now = self.clock.monotonic()
        until, known = self._known.get(key_id, (now, None))
        if now < until:
            return known
        found = await self.store.find(key_id)
        if found is not None:
            if len(self._known) >= KNOWN_KEYS:
                self._known.clear()
            # Counted from before it was read, so that the time of reading is in it.
            self._known[key_id] = now + KNOWN_SECONDS, found
        return found
