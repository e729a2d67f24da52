"""`python -m tests.faults.stores.export`: writes `NNNN.sql`, rows in every state of today's schema.

Run it right before a migration is added: what it wrote is then the store of the earlier schema.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import apsw

from notefly.adapters.sqlite.connection import store_path
from notefly.domain.batch import Ending, Report
from notefly.domain.delivery import State
from notefly.domain.ids import SubscriberId
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from tests.support.story import (
    DELIVERED,
    REFUSED,
    claim,
    died,
    finish,
    handed,
    join,
    plan,
    publication,
    publish,
    retry,
    sms,
)
from tests.support.time import VirtualClock
from tests.support.world import World, sqlite_file, violations

FOLDER = Path(__file__).parent
INTERNAL = ("sqlite_schema", "sqlite_stat1")


async def everything(world: World) -> None:
    """People and messages of every kind, deliveries in every state, batches of every kind."""
    people = await join(world, *(f"p{number}" for number in range(12)), channels="sms email push")
    later = retry(world.clock.now() + timedelta(minutes=5))
    for verdict in (DELIVERED, REFUSED, later):
        await publish(world)
        for claimed in await claim(world, *await plan(world)):
            mixed = {people[0]: DELIVERED, people[1]: REFUSED, people[2]: later}
            await finish(world, claimed, verdict, mixed)
    await replayed(world)
    await died_twice(world)
    held = await publish(world)
    await claim(world, *(await plan(world))[:1])
    await world.messages.accept(
        publication(world, Content("sports", "one"), Content("finance", "two"), key="many")
    )
    await world.messages.accept(publication(world, Content("sports", "one"), key="one"))
    await plan(world)
    await world.messages.cancel(held, world.clock.now())
    await world.batches.stop(world.clock.now(), 1)
    await world.subscribers.erase(SubscriberId("p7"), world.clock.now())
    last = Content("sports", "left unplanned", expires_at=world.clock.now() + timedelta(days=9_999))
    await publish(world, last)


async def replayed(world: World) -> None:
    """One that ended in its second round, and others that wait for theirs."""
    message = await publish(world)
    claims = await claim(world, *await plan(world))
    for claimed in claims:
        await finish(world, claimed, REFUSED)
    people = await world.subscribers.list(2, None)
    refs = await world.deliveries.replay_one(
        sms(message, people.items[0].key), None, world.clock.now()
    )
    [again] = await claim(world, *refs)
    await finish(world, again, DELIVERED)
    wanted = DeliveryFilter(message=message, state=State.DEAD)
    await world.deliveries.replay(wanted, 2, None, world.clock.now())


async def died_twice(world: World) -> None:
    """Split as poison; one half is given back, the other is left."""
    await publish(world)
    refs = (await plan(world))[:1]
    for _ in range(2):
        [claimed] = await claim(world, refs[0])
        refs = await died(world, claimed)
    [half] = await claim(world, refs[0])
    part = handed(world, half, DELIVERED)
    await world.batches.finish([Report(half, Ending.RELEASED, world.clock.now(), [part])])


def rows(connection: apsw.Connection) -> Iterator[str]:
    """As statements, sorted by table and key."""
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    for (table,) in connection.execute(tables).fetchall():
        if table in INTERNAL:
            continue
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        names = ", ".join(columns)
        yield f"DELETE FROM {table};"  # noqa: S608
        for row in connection.execute(f"SELECT {names} FROM {table} ORDER BY 1, 2"):  # noqa: S608
            values = ", ".join(map(apsw.format_sql_value, row))
            yield f"INSERT INTO {table} ({names}) VALUES ({values});"  # noqa: S608


async def export(folder: Path) -> Path:
    """Into the file of the schema's number."""
    async with sqlite_file(folder, VirtualClock()) as world:
        await everything(world)
        assert await violations(world) == []
    connection = apsw.Connection(str(store_path(folder)))
    [(number,)] = connection.execute("PRAGMA user_version").fetchall()
    target = FOLDER / f"{number:04}.sql"
    target.write_text("\n".join(rows(connection)) + "\n")
    connection.close()
    return target


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(asyncio.run(export(Path(temporary))))
