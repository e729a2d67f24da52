from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from notefly.adapters.system import SystemClock, SystemIds
from notefly.domain.ids import MessageId
from notefly.domain.log import Looked, Violation
from notefly.ports.audit import Audit
from notefly.ports.clock import Clock, Ids
from tests.contract.proving import check_clock, check_ids, proving
from tests.support.checks import Check
from tests.support.time import CountedIds, VirtualClock
from tests.support.world import World


@proving.parametrise()
async def test_every_audit(world: World, check: Check) -> None:
    await check(world)


class Suspicious:
    """Finds something where there is nothing."""

    def invariants(self) -> tuple[str, ...]:
        return tuple(f"I{n}" for n in range(1, 11))

    async def check(self, invariant: str) -> AsyncIterator[Looked | Violation]:
        yield Violation(invariant, "I do not like it")


class Blind(Suspicious):
    """Finds nothing, because it does not look."""

    @override
    async def check(self, invariant: str) -> AsyncIterator[Looked | Violation]:
        yield Looked(invariant, invariant, "deliveries", 0)


@pytest.mark.parametrize("wrong", [Suspicious(), Blind()])
async def test_the_suite_notices_a_wrong_one(wrong: Audit) -> None:
    @asynccontextmanager
    async def audit() -> AsyncIterator[Audit]:
        yield wrong

    assert await proving.failed_by(lambda world: replace(world, audit=audit))


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock()])
def test_every_clock(clock: Clock) -> None:
    check_clock(clock)


@pytest.mark.parametrize("ids", [SystemIds(), CountedIds()])
def test_all_ids(ids: Ids) -> None:
    check_ids(SystemClock(), ids)


def test_the_checks_notice_wrong_ones() -> None:
    class Local(VirtualClock):
        @override
        def now(self) -> datetime:
            return datetime.now()  # noqa: DTZ005 - the mistake

    class Back(VirtualClock):
        @override
        def monotonic(self) -> float:
            return -self.advance(1.0).timestamp()

    class Same(CountedIds):
        @override
        def message(self, at: datetime) -> MessageId:
            return CountedIds().message(at)

    class Timeless(CountedIds):
        @override
        def message(self, at: datetime) -> MessageId:
            return super().message(datetime(2000, 1, 1, tzinfo=UTC))

    for clock in (Local(), Back()):
        with pytest.raises((AssertionError, TypeError)):
            check_clock(clock)
    for ids in (Same(), Timeless(), CountedIds(1.0)):
        with pytest.raises(AssertionError):
            check_ids(SystemClock(), ids)
