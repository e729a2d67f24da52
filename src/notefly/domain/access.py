"""Who may do what: API keys, their scopes, and the links that open one person's page."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from notefly.domain.errors import Problem, ScopeMissing
from notefly.domain.ids import SubscriberId, SubscriberKey
from notefly.domain.message import LINE_OR_CONTROL, text_problems

NAME_LIMIT = 100
ID_BYTES, SECRET_BYTES = 6, 32
API_KEY = re.compile(r"nf_([a-z0-9]{6,12})_([0-9a-f]{64})", re.ASCII)
CONSOLE = "console"
"""The id of the key that a console has from its supervisor; made ids are 12 digits, never this."""
LINK_PURPOSE = b"notefly: preferences of one subscriber\0"
"""Stands before what is signed, so that no signature is good for anything else."""


class Scope(StrEnum):
    """What a key may be used for; `admin` includes the others."""

    PUBLISH = "publish"
    READ = "read"
    SUBSCRIBERS = "subscribers"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `key_id` is empty for somebody on this machine where no keys are required."""

    key_id: str
    scopes: frozenset[Scope]

    def needs(self, scopes: Sequence[Scope]) -> None:
        """Raises ScopeMissing for who has none of them."""
        if Scope.ADMIN not in self.scopes and self.scopes.isdisjoint(scopes):
            raise ScopeMissing(tuple(scopes))


ANYBODY = Principal("", frozenset({Scope.ADMIN}))
"""Whoever reaches a broker that only this machine can reach."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it can be shown: never the secret, nor what it is compared with."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The same with the SHA-256 of what was shown once. The secret is 256 random bits, so that
    nothing slower than one hash is needed to keep it."""

    key: ApiKey
    digest: bytes

    def opens_for(self, presented: str) -> Principal | None:
        """Compared in constant time; None for another secret, and once it is revoked."""
        if not hmac.compare_digest(digest_of(presented), self.digest) or self.key.revoked_at:
            return None
        return Principal(self.key.id, self.key.scopes)


def spell(key_id: str, secret: bytes) -> str:
    """A key as its holder keeps it."""
    return f"nf_{key_id}_{secret.hex()}"


def key_id_of(presented: str) -> str | None:
    """The id inside; None for what is not spelled like a key."""
    found = API_KEY.fullmatch(presented)
    return None if found is None else found[1]


def digest_of(presented: str) -> bytes:
    return hashlib.sha256(presented.encode()).digest()


def key_problems(name: str, scopes: frozenset[Scope]) -> Iterator[Problem]:
    """What keeps a key from being made."""
    if not name.strip() or len(name) > NAME_LIMIT:
        yield Problem("/name", f"must have 1 to {NAME_LIMIT} characters")
    if LINE_OR_CONTROL.search(name):
        yield Problem("/name", "must not hold control characters")
    yield from text_problems("/name", name)
    if not scopes:
        yield Problem("/scopes", f"must name at least one of {', '.join(Scope)}")


@dataclass(frozen=True, slots=True)
class Link:
    """Opens one person's page until it expires. `key` is the person's own for good: somebody new
    under the same id is somebody else."""

    subscriber: SubscriberId
    key: SubscriberKey
    expires_at: datetime

    def signed(self, secret: bytes) -> str:
        """For a URL; whoever has it may change what this person gets."""
        content = f"{int(self.expires_at.timestamp())}.{self.key}.{self.subscriber}".encode()
        return f"{_text(content)}.{_text(_signature(content, secret))}"


def read_link(token: str, secret: bytes) -> Link | None:
    """What was signed with this secret; None for everything else. It may have expired."""
    written, _, signature = token.partition(".")
    try:
        content, given = _bytes(written), _bytes(signature)
    except (ValueError, binascii.Error):
        return None
    if not hmac.compare_digest(given, _signature(content, secret)):
        return None
    expiry, key, subscriber = content.decode().split(".", 2)
    at = datetime.fromtimestamp(int(expiry), UTC)
    return Link(SubscriberId(subscriber), SubscriberKey(int(key)), at)


def _signature(content: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, LINK_PURPOSE + content, "sha256")


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
