"""What every Leadership does: checks for all, and for those of several processes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from notefly.ports.leadership import Leadership

PATIENCE_SECONDS = 10.0
"""Only wrong ones let a test wait so long."""

Candidate = Callable[[], AbstractAsyncContextManager[Leadership]]
"""One more process on the same store, until the block ends."""
LeadingCheck = Callable[[Candidate], Awaitable[None]]
always: list[LeadingCheck] = []
shared: list[LeadingCheck] = []


def for_all(check: LeadingCheck) -> LeadingCheck:
    always.append(check)
    return check


def among(check: LeadingCheck) -> LeadingCheck:
    shared.append(check)
    return check


async def soon(candidate: Leadership) -> None:
    """Until it leads."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await candidate.leads():
                return
            await asyncio.sleep(0)


@for_all
async def whoever_is_alone_leads_and_goes_on(candidate: Candidate) -> None:
    async with candidate() as one:
        await soon(one)
        assert [await one.leads() for _ in range(5)] == [True] * 5


@for_all
async def it_may_be_asked_at_once(candidate: Candidate) -> None:
    async with candidate() as one:
        await soon(one)
        assert await asyncio.gather(*(one.leads() for _ in range(5))) == [True] * 5


@among
async def of_several_one_leads_until_it_ends(candidate: Candidate) -> None:
    async with candidate() as first:
        await soon(first)
        async with candidate() as second:
            for _ in range(3):
                assert not await second.leads()
                assert await first.leads()
        assert await first.leads()


@among
async def when_the_leader_ends_another_one_leads(candidate: Candidate) -> None:
    async with AsyncExitStack() as later:
        async with candidate() as first:
            await soon(first)
            others = [await later.enter_async_context(candidate()) for _ in range(2)]
            assert [await other.leads() for other in others] == [False, False]
        await soon(others[0])
        assert not await others[1].leads()
