"""Time and names that a test holds still."""

from datetime import UTC, datetime, timedelta

from notefly.adapters.system import MILLISECOND, START
from notefly.domain.ids import MessageId
from notefly.ports.clock import Clock, Ids

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class VirtualClock:
    """Stands still until it is moved on; both of its times move together."""

    def __init__(self, at: datetime = NOON) -> None:
        self._at = at
        self._seconds = 1_000.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> datetime:
        """The time it is then."""
        self._at += timedelta(seconds=seconds)
        self._seconds += seconds
        return self._at

    def jump(self, seconds: float) -> datetime:
        """As when somebody sets the wall clock, which monotonic time does not follow."""
        self._at += timedelta(seconds=seconds)
        return self._at


class CountedIds:
    """UUIDv7 of the time asked for, told apart by a counter; chance is always the same."""

    def __init__(self, fraction: float = 0.5) -> None:
        self._count = 0
        self._fraction = fraction

    def message(self, at: datetime) -> MessageId:
        self._count += 1
        milliseconds = (at - START) // MILLISECOND
        text = f"{milliseconds << 16 | 0x7000:016x}{0b10 << 62 | self._count:016x}"
        return MessageId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")

    def messages(self, at: datetime, count: int) -> list[MessageId]:
        return [self.message(at) for _ in range(count)]

    def fraction(self) -> float:
        return self._fraction

    def secret(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")


class SilentMeter:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.commits = 0
        self.attempts = 0

    def commit(self, seconds: float, members: int) -> None:
        assert seconds >= 0
        assert members > 0
        self.commits += 1

    def attempt(self, channel: str, seconds: float) -> None:
        assert channel
        assert seconds >= 0
        self.attempts += 1


def _meets(clock: VirtualClock, ids: CountedIds) -> tuple[Clock, Ids]:
    return clock, ids
