"""The record on PostgreSQL, read past the product, and the promise as the product checks it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from notefly.adapters.postgres.audit import PostgresAudit
from notefly.application.verify import Verify, outcomes
from tests.cluster.postgres import OBSERVER
from tests.faults.checker import Checker, Finding, Kind, parse_calls
from tests.faults.client_log import ClientLog
from tests.faults.history import History
from tests.faults.product import CHANNEL, Place
from tests.faults.record import LOOKS, UNFINISHED, Record, record_of

NAMED = {"application_name": OBSERVER}
QUEUED = "SELECT sum(size - delivered - dead - cancelled - moved) FROM batch WHERE state < 3"
WAITING = """
SELECT count(*) AS batches, CASE b.state WHEN 0 THEN 'ready' WHEN 1 THEN 'leased' ELSE 'waiting' END
    AS state, c.name AS channel, min(b.attempts) AS attempts
FROM batch b JOIN channel c ON c.key = b.channel WHERE b.state < 3 AND b.message <= $1
GROUP BY b.state, c.name ORDER BY 1 DESC
"""
UNPLANNED = "SELECT count(*) FROM unplanned WHERE message <= $1"
NEWEST = "SELECT max(key) FROM message"
LEFT = f"SELECT count(*) FROM ({UNFINISHED}) AS unfinished WHERE message <= $1"  # noqa: S608
PLANTED = {
    Kind.LOST: """
        DELETE FROM delivery WHERE (message, channel, subscriber) IN (
            SELECT message, channel, subscriber FROM delivery JOIN channel c ON c.key = channel
            WHERE c.name = $1 AND state = 1 ORDER BY random() LIMIT 200)
    """,
    Kind.STUCK: """
        UPDATE batch SET state = 1, lease_until = 1e12 WHERE key IN (
            SELECT b.key FROM batch b JOIN channel c ON c.key = b.channel
            WHERE c.name = $1 ORDER BY random() LIMIT 20)
    """,
    Kind.GHOST: """
        INSERT INTO delivery (message, subscriber, batch, channel, attempt, round, state)
        SELECT d.message, d.subscriber + 1000000, d.batch, d.channel, 1, 1, 1
        FROM delivery d JOIN channel c ON c.key = d.channel WHERE c.name = $1
        ORDER BY random() LIMIT 20
    """,
}
"""Bugs that somebody might write, done to the store; the checker has to see each, and several,
because of one nobody may be sure whose choice it was, or what was answered. What is stuck is leased
for ever: what is only ready the next walk over everything unfinished mends before anybody
has looked."""


class Witness:
    """Whoever reads the store while it is down is told so by the driver."""

    def __init__(self, dsn: str, place: Place, log: ClientLog) -> None:
        self._dsn = dsn
        self._place = place
        self._log = log
        self.invariants = 0

    async def newest(self) -> int:
        """The key of the last message."""
        async with self._link() as link:
            return await link.fetchval(NEWEST) or 0

    async def left(self, up_to: int) -> int:
        """Messages up to that one that are not done."""
        async with self._link() as link:
            return int(await link.fetchval(LEFT, up_to))

    async def what_waits(self, up_to: int) -> str:
        """For whoever wants to know why it takes so long."""
        async with self._link() as link:
            unplanned = await link.fetchval(UNPLANNED, up_to)
            rows = await link.fetch(WAITING, up_to)
        told = [
            f"{row['batches']} {row['state']} on {row['channel']} after {row['attempts']} attempts"
            for row in rows
        ]
        return "; ".join([f"{unplanned} messages unplanned", *told])

    async def queued(self) -> int:
        """Deliveries that are planned and have no end yet."""
        async with self._link() as link:
            return int(await link.fetchval(QUEUED) or 0)

    async def findings(self) -> tuple[list[Finding], Checker]:
        """Everything has to have ended: the three witnesses, then the invariants."""
        checker = await self._checker()
        found = await asyncio.to_thread(list, checker.findings())
        async for invariant, violation in outcomes(Verify(PostgresAudit(self._dsn))()):
            self.invariants += 1
            if violation is not None:
                found.append(Finding(Kind.INVARIANT, f"{invariant}: {violation.words}"))
        return found, checker

    async def overlooked(self) -> list[Kind]:
        """Bugs that were planted in the store and not found, or the zeros mean nothing."""
        before = await self._seen()
        async with self._link() as link:
            for statement in PLANTED.values():
                await link.execute(statement, CHANNEL)
        after = await self._seen() - before
        seen = {finding.kind for finding in after}
        return [kind for kind in PLANTED if kind not in seen]

    async def _seen(self) -> set[Finding]:
        """Beside whatever else this process measures."""
        return await asyncio.to_thread(set, (await self._checker()).findings())

    async def _checker(self) -> Checker:
        calls = parse_calls(self._place.calls.read_text(), CHANNEL)
        history = History.of(self._log.events)
        return Checker(history, calls, await self._record(), CHANNEL, drained=True)

    async def _record(self) -> Record:
        async with self._link() as link, link.transaction(isolation="repeatable_read"):
            return record_of({sql: await link.fetch(sql) for sql in LOOKS})

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[asyncpg.Connection]:
        link = await asyncpg.connect(
            self._dsn, timeout=10, command_timeout=60, server_settings=NAMED
        )
        try:
            await link.set_type_codec(
                "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
            )
            yield link
        finally:
            await link.close(timeout=5)
