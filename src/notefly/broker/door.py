"""Who asks, and whether they may: told from the headers, before anything else is looked at.

`Door.caller` runs for every request of both lanes, right after `Guard`, and leaves what it found in
the ASGI scope under `CALLER`. `Door.admit` holds it against what the route declares.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from quart import g, request

from notefly.application.keys import Authenticate
from notefly.application.links import Links
from notefly.broker.routing import Access
from notefly.domain.access import ANYBODY, Principal, Scope
from notefly.domain.errors import KeyMissing, KeyRefused, NoteflyError
from notefly.domain.subscriber import Subscriber

CALLER = "notefly.caller"
WANTED = (
    "an API key is wanted here, as `Authorization: Bearer nf_…`; "
    "`notefly keys create NAME --scope …` makes one"
)
TWICE = "Authorization is given more than once"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known, or why they are not: that is told only where a key is wanted."""

    principal: Principal | None
    refusal: NoteflyError | None = None

    def needs(self, scopes: Sequence[Scope]) -> Principal:
        """Raises KeyMissing, KeyRefused, ScopeMissing, or Unavailable."""
        if self.principal is None:
            raise self.refusal or KeyMissing(WANTED)
        self.principal.needs(scopes)
        return self.principal


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who came by a personal link: that one person's page is theirs, nothing else is."""

    token: str
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class Stay:
    """What lets somebody stay for long; the same for all that goes on under one key or link."""

    whose: str
    holds: Callable[[], Awaitable[bool]] = field(compare=False)
    """Whether they would be let in now. Raises Unavailable."""


class Door:
    """One for the service; `required`: whoever gives no key is nobody."""

    def __init__(self, authenticate: Authenticate, links: Links, *, required: bool) -> None:
        self._authenticate = authenticate
        self._links = links
        self._without_key = Caller(None if required else ANYBODY)

    async def caller(
        self, headers: Mapping[bytes, bytes], raw: Sequence[tuple[bytes, bytes]]
    ) -> Caller:
        """Never raises. Another scheme than Bearer is somebody else's, and no key of ours."""
        given = headers.get(b"authorization")
        if given is None:
            return self._without_key
        if len(headers) < len(raw) and [name for name, _ in raw].count(b"authorization") > 1:
            return Caller(None, KeyRefused(TWICE))
        scheme, _, presented = given.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return self._without_key
        try:
            return Caller(await self._authenticate(presented.strip()))
        except NoteflyError as error:
            return Caller(None, error)

    async def admit(self, access: Access) -> None:
        """For Quart's routes. A link opens what links open, and then no key is looked at."""
        if access.link and (token := request.args.get("link")) is not None:
            g.visit = Visit(token, await self._links.read(token))
            g.stay = Stay(f"link {token}", lambda: self._links.holds(token))
        elif access.scopes:
            principal = caller().needs(access.scopes)
            g.principal = principal
            if principal.key_id:
                whose = f"key {principal.key_id}"
                g.stay = Stay(whose, lambda: self._authenticate.holds(principal))


def caller() -> Caller:
    """Of the request that is being answered."""
    found: Caller = request.scope[CALLER]  # type: ignore[literal-required] # the app put it there
    return found


def key_id() -> str:
    """Whose idempotency keys these are; empty for somebody on this machine without an API key."""
    principal: Principal = g.principal
    return principal.key_id


def visit() -> Visit | None:
    """None for who came with a key, or may do without."""
    found: Visit | None = g.get("visit")
    return found


def stay() -> Stay | None:
    """For a stream, which ends before it tells anything to who would not be let in any more.

    None for who needs neither key nor link.
    """
    found: Stay | None = g.get("stay")
    return found
