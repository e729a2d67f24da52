"""How often one caller may ask: so many requests in a window, then 429 until the window ends.

Each line of NDJSON counts as a request of its own, so that a message costs the same however it is
sent. Answers say how much is left (draft-ietf-httpapi-ratelimit-headers).
"""

import ipaddress
from collections.abc import Mapping, MutableMapping
from math import ceil
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from typing_extensions import override

from notefly.broker.answers import Send
from notefly.broker.door import CALLER, Caller
from notefly.broker.problems import TooManyLines, TooManyRequests
from notefly.ports.clock import Clock

MOST_CALLERS = 50_000
"""That are remembered at once, some 15 MB."""
IPV6_NETWORK = 64
"""One customer's network: who has one address of it has all of them (RFC 6177)."""
PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by what restarts the broker: they must never be told to wait."""
TURN = "notefly.turn"


class Counters(Storage):
    """Counts of one policy in memory, on a clock that nobody sets.

    The storage that `limits` brings starts a thread every ten milliseconds to look at every key,
    and keeps as many as come. All windows here are of one length, so keys stand in the order in
    which they end: what is over is dropped as new ones come, and beyond `most` the oldest goes.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock, most: int = MOST_CALLERS) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._windows: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._windows)

    @property
    @override
    def base_exceptions(self) -> type[Exception]:
        return KeyError

    @override
    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock.monotonic()
        count, ends = self._windows.get(key, (0, now))
        if ends <= now:
            self._windows.pop(key, None)
            self._drop(now)
            count, ends = 0, now + expiry
        self._windows[key] = count + amount, ends
        return count + amount

    @override
    def get(self, key: str) -> int:
        count, ends = self._windows.get(key, (0, 0.0))
        return count if ends > self._clock.monotonic() else 0

    @override
    def get_expiry(self, key: str) -> float:
        """On the monotonic clock; only differences mean anything."""
        return self._windows.get(key, (0, self._clock.monotonic()))[1]

    @override
    def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    @override
    def reset(self) -> int:
        count = len(self._windows)
        self._windows.clear()
        return count

    @override
    def check(self) -> bool:
        return True

    def _drop(self, now: float) -> None:
        while self._windows:
            oldest = next(iter(self._windows))
            if len(self._windows) < self._most and self._windows[oldest][1] > now:
                return
            del self._windows[oldest]


class RateLimit:
    """One policy for every caller of this process."""

    def __init__(self, policy: str, clock: Clock) -> None:
        """`policy` as the setting has it: `600/minute`."""
        self.item: RateLimitItem = parse(policy)
        self.counters = Counters(clock)
        self._limiter = FixedWindowRateLimiter(self.counters)
        self._clock = clock
        quota = f'"requests";q={self.item.amount};w={self.item.get_expiry()}'
        self._policy = (b"ratelimit-policy", quota.encode())

    def turn(self, scope: Mapping[str, Any]) -> "Turn | None":
        """What a request may spend; None for one that is never limited."""
        return None if scope["path"] in PROBES else Turn(self, who(scope))

    def take(self, caller: str, cost: int) -> None:
        """Raises TooManyRequests; then nothing was taken."""
        if not self._limiter.test(self.item, caller, cost=cost):
            _, seconds = self._left(caller)
            raise TooManyRequests(f"more than {self.item.amount} in {self._window}", seconds)
        self._limiter.hit(self.item, caller, cost=cost)

    def fields(self, caller: str) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of an answer, as they are now."""
        left, seconds = self._left(caller)
        return self._policy, (b"ratelimit", b'"requests";r=%d;t=%d' % (left, seconds))

    @property
    def _window(self) -> str:
        return f"{self.item.get_expiry()} s"

    def _left(self, caller: str) -> tuple[int, int]:
        stats = self._limiter.get_window_stats(self.item, caller)
        return stats.remaining, max(0, ceil(stats.reset_time - self._clock.monotonic()))


class Turn:
    """One request of one caller."""

    def __init__(self, rate: RateLimit, caller: str) -> None:
        self._rate = rate
        self._caller = caller

    def begin(self) -> None:
        """Raises TooManyRequests."""
        self._rate.take(self._caller, 1)

    def lines(self, count: int) -> None:
        """A request of so many lines. Raises TooManyRequests, or TooManyLines if they never fit."""
        if count > self._rate.item.amount:
            raise TooManyLines(
                f"{count} lines are more than the {self._rate.item.amount} requests that this "
                "broker takes from one caller in a window; send them in parts"
            )
        if count > 1:
            self._rate.take(self._caller, count - 1)

    def telling(self, send: Send) -> Send:
        """Sends, and says on every answer how much is left."""

        async def told(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                fields = self._rate.fields(self._caller)
                event = {**event, "headers": [*event["headers"], *fields]}
            await send(event)

        return told


def who(scope: Mapping[str, Any]) -> str:
    """Whose requests are counted together: those of one key, else of one address or IPv6 network.

    A key that is refused is nobody's: guessing keys is counted by address.
    """
    known: Caller | None = scope.get(CALLER)
    if known is not None and known.principal is not None and known.principal.key_id:
        return f"key {known.principal.key_id}"
    client = scope.get("client")
    address = client[0] if client else ""
    if ":" not in address:
        return str(address)
    found = ipaddress.IPv6Address(address.partition("%")[0])
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, IPV6_NETWORK), strict=False))


def spend_lines(scope: Mapping[str, Any], count: int) -> None:
    """For a request of so many lines. Raises TooManyRequests or TooManyLines."""
    turn: Turn | None = scope.get(TURN)
    if turn is not None:
        turn.lines(count)
