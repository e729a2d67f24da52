"""Everything at once, from several processes, and then the audit: what the locks must add up to."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from notefly.adapters.postgres.audit import PostgresAudit
from notefly.adapters.postgres.store import PostgresStore
from notefly.domain.batch import EVERYBODY, NOBODY, BatchRef, Claim, Ending, Handed, Report
from notefly.domain.delivery import Reason, State
from notefly.domain.errors import Conflict
from notefly.domain.ids import BatchKey, MessageId, SubscriberId
from notefly.domain.log import DeliveryFilter, Violation
from notefly.domain.message import Content
from notefly.domain.outcome import Verdict
from notefly.ports.message_store import Publication
from tests.postgres.conftest import opened
from tests.support.story import profile, retry
from tests.support.time import NOON, CountedIds

pytestmark = [pytest.mark.engines, pytest.mark.timeout(300)]
PROCESSES = 3
STEPS = 60
PEOPLE = 25
SIZES = {"sms": 4, "email": 3, "push": 5}
CHOICES = ("sms", "email", "sms email", "push sms", "")


@dataclass
class Process:
    """One of several on the same store, doing whatever comes to its mind."""

    store: PostgresStore
    ids: CountedIds
    chance: random.Random
    messages: list[MessageId]
    claims: list[Claim] = field(default_factory=list)

    async def live(self) -> None:
        mine = [self.publish, self.work, self.work, self.choose, self.report_late, self.plan]
        steps = [*mine, self.cancel, self.replay, self.take_over, self.erase, self.stop]
        for _ in range(STEPS):
            await self.chance.choice(steps)()

    async def publish(self) -> None:
        contents = [Content(self.chance.choice(["sports", "movies"]), "News")] * 2
        names = [self.ids.message(NOON) for _ in contents]
        await self.store.messages.accept(Publication(names, contents, NOON))
        self.messages += names

    async def choose(self) -> None:
        name = f"p{self.chance.randrange(PEOPLE)}"
        channels = self.chance.choice(CHOICES)
        await self.store.subscribers.put(profile(name, "sports movies", channels), NOON)

    async def erase(self) -> None:
        await self.store.subscribers.erase(SubscriberId(f"p{self.chance.randrange(PEOPLE)}"), NOON)

    async def plan(self) -> None:
        await self.store.batches.plan(SIZES, 0.01)

    async def work(self) -> None:
        """Some of what there is; a part of it is given up, another keeps its lease for later."""
        await self.plan()
        refs = list(await self.store.batches.unfinished(BatchKey(0), 40))
        self.chance.shuffle(refs)
        lease = self.chance.choice([0.0, 60.0])
        claims = list((await self.store.batches.claim(refs[:6], "w", lease, NOON)).claims)
        self.claims += claims[4:]
        await self.store.batches.finish([await self.report(claim) for claim in claims[:4]])

    async def report_late(self) -> None:
        claims, self.claims = self.claims, []
        await self.store.batches.finish([await self.report(claim) for claim in claims])

    async def report(self, claim: Claim) -> Report:
        [part] = await self.store.batches.hand_over([claim], NOBODY, 100, NOON)
        ending = self.chance.choice([Ending.FINISHED] * 4 + [Ending.RELEASED, Ending.DIED])
        if part.stopped:
            return Report(claim, Ending.RELEASED, NOON)
        if ending is not Ending.FINISHED:
            return Report(claim, ending, NOON)
        named = self.chance.sample(part.recipients, self.chance.randint(0, len(part.recipients)))
        exceptions = {person.subscriber: self.verdict() for person in named}
        size = len(part.recipients)
        handed = Handed(NOBODY, EVERYBODY, part.epoch, NOON, self.verdict(), size, exceptions)
        return Report(claim, ending, NOON, [handed])

    def verdict(self) -> Verdict:
        refused = Verdict(State.DEAD, Reason.REFUSED, "no")
        return self.chance.choice([Verdict(State.DELIVERED), refused, retry(NOON)])

    async def cancel(self) -> None:
        if self.messages:
            await self.store.messages.cancel(self.chance.choice(self.messages), NOON)

    async def replay(self) -> None:
        await self.store.deliveries.replay(DeliveryFilter(), 5, None, NOON)
        dead = await self.store.deliveries.query(DeliveryFilter(state=State.DEAD), 3, None)
        for line in dead.items:
            try:
                await self.store.deliveries.replay_one(line.id, None, NOON)
            except Conflict:
                continue

    async def take_over(self) -> None:
        await self.store.batches.take_over(NOON)

    async def stop(self) -> None:
        await self.store.batches.stop(NOON, 5)


async def drain(process: Process) -> None:
    """To the end: nothing is left open (I9)."""
    await process.report_late()
    while (await process.store.batches.plan(SIZES, 1.0)).more:
        pass
    for _ in range(1_000):
        refs: Sequence[BatchRef] = await process.store.batches.unfinished(BatchKey(0), 100)
        if not refs:
            return
        # A lease of somebody else has to run out; here it is given up for them.
        await process.store.database.write(lambda t: t.run("UPDATE batch SET lease_until = 0"))
        await process.store.batches.take_over(NOON)
        claims = (await process.store.batches.claim(refs, "last", 60.0, NOON)).claims
        reports = []
        for claim in claims:
            [part] = await process.store.batches.hand_over([claim], NOBODY, 100, NOON)
            sent = Verdict(State.DELIVERED)
            size = len(part.recipients)
            handed = Handed(NOBODY, EVERYBODY, part.epoch, NOON, sent, size)
            reports.append(Report(claim, Ending.FINISHED, NOON, [handed]))
        await process.store.batches.finish(reports)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_at_once_keeps_the_promise(dsn: str, seed: int) -> None:
    ids, messages = CountedIds(), list[MessageId]()
    async with opened(dsn) as first, opened(dsn) as second, opened(dsn) as third:
        await first.subscribers.add(
            [profile(f"p{n}", "sports movies", CHOICES[n % 4]) for n in range(PEOPLE)], NOON
        )
        processes = [
            Process(store, ids, random.Random(f"{seed} {n}"), messages)
            for n, store in enumerate((first, second, third))
        ]
        await asyncio.gather(*(process.live() for process in processes))
        assert await found(dsn) == []
        for process in processes:
            await drain(process)
        assert await found(dsn) == []
        assert await first.figures.messages() == len(messages)
        for message in messages:
            status = await first.messages.get(message)
            assert status is not None
            assert status.total == sum(status.by_state.values())
        events = await first.events.read(0, 100_000)
        assert events is not None
        assert [event.id for event in events] == list(range(1, len(events) + 1))


async def found(dsn: str) -> list[str]:
    audit = PostgresAudit(dsn)
    return [
        f"{one.invariant}: {one.words}"
        for invariant in audit.invariants()
        async for one in audit.check(invariant)
        if isinstance(one, Violation)
    ]
