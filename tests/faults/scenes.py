"""What is done to a product with a planted bug, and what the witnesses say of it afterwards."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.faults.checker import Finding
from tests.faults.client_log import Preferences
from tests.faults.disk import LoopDisk, freeze
from tests.faults.link import Call, Link
from tests.faults.load import CATEGORIES
from tests.faults.process import marked
from tests.faults.product import CHANNELS, Product
from tests.faults.siege import Siege
from tests.faults.steering import CHANGES

PEOPLE = 50
MESSAGES = 40
PAIRS = 8
MEGABYTES = 64
DRAIN_SECONDS = 40.0
STUCK_SECONDS = 6.0
"""Long enough for a sound product to come to its end under the same steering."""
BROKER = ("-m", "notefly", "broker")
EVERYTHING: Preferences = {"categories": ["goals"], "channels": list(CHANNELS), "overrides": {}}
NOTHING: Preferences = {"categories": [], "channels": [], "overrides": {}}


class Scene(Protocol):
    """From an empty folder to what is wrong in the end."""

    async def __call__(self, root: Path, bug: str, *, planted: bool) -> list[Finding]: ...


async def dies(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """It kills itself at the worst moment; a sound one takes over what it left."""
    siege = Siege.begin(root, bug, BROKER)
    try:
        product = sabotaged(siege, bug, planted=planted)
        try:
            await _publish(siege, product)
            await product.gone_by_itself()
        finally:
            await product.kill()
        found = await siege.aftermath([])
        return found if planted and found else found + await _taken_over(siege)
    finally:
        siege.world.log.close()


async def lives(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """It publishes, and everything has to end."""
    return await _lived(root, bug, planted, nothing_more)


async def changes(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """Some leave and some join after the messages were accepted."""
    return await _lived(root, bug, planted, change_minds)


async def twins(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """Every key is used by two clients at once."""
    return await _lived(root, bug, planted, publish_twice)


async def replays(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """Everything dies at first, and is replayed."""
    return await _lived(root, bug, planted, replay)


async def loses_power(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """The power goes after the last answer."""
    with LoopDisk(root.with_name(f"{root.name}-disk"), MEGABYTES) as disk:
        siege = Siege.begin(root, bug, BROKER)
        (disk.path / "data").mkdir()
        os.sync()
        siege.place.data.symlink_to(disk.path / "data")
        try:
            product = sabotaged(siege, bug, planted=planted)
            try:
                await _publish(siege, product)
                freeze(marked(f"RECORDER_FILE={siege.place.calls}".encode()))
                disk.cut()
            finally:
                await product.kill()
            siege.world.log.crash()
            disk.restart()
            return await _taken_over(siege)
        finally:
            siege.world.log.close()


def sabotaged(siege: Siege, bug: str, *, planted: bool) -> Product:
    """With the steering, and with the bug if it is planted."""
    command = ("-m", "tests.faults.sabotage", bug, "broker")
    return Product(siege.place, CATEGORIES, command, PLANTED="1" if planted else "0")


class Act(Protocol):
    """What happens after the messages were accepted."""

    async def __call__(self, siege: Siege, product: Product, patience: float) -> None: ...


async def nothing_more(siege: Siege, product: Product, patience: float) -> None:
    """They are delivered."""


async def change_minds(siege: Siege, product: Product, patience: float) -> None:
    """Half of them leave, the others come."""
    world, half = siege.world, CHANGES // 2
    leave = [world.log.choose(person(n), NOTHING) for n in range(half)]
    join = [world.log.choose(person(PEOPLE + n), EVERYTHING) for n in range(half)]
    await world.send_all(product.port, [*leave, *join])


async def publish_twice(siege: Siege, product: Product, patience: float) -> None:
    """Both are on their way before either is answered."""
    log = siege.world.log
    for n in range(PAIRS):
        line = ("goals", None, f"{siege.world.name} twin {n}")
        twins = [log.publish([line], f"twin-{n}") for _ in range(2)]
        await siege.world.send_all(product.port, twins)


async def replay(siege: Siege, product: Product, patience: float) -> None:
    """All dead letters."""
    await siege.drain(patience)
    link = Link(product.port)
    answer = await link.ask(Call("POST", "/v1/dead-letters/replay", b"{}"))
    link.close()
    assert answer.status == 202, answer


async def _lived(root: Path, bug: str, planted: bool, act: Act) -> list[Finding]:
    patience = STUCK_SECONDS if planted else DRAIN_SECONDS
    siege = Siege.begin(root, bug, BROKER)
    product = sabotaged(siege, bug, planted=planted)
    try:
        await _publish(siege, product)
        await act(siege, product, patience)
        await siege.drain(patience)
        return await siege.inspect(siege.place.data, drained=True)
    finally:
        await product.kill()
        siege.world.log.close()


async def _taken_over(siege: Siege) -> list[Finding]:
    """By a product without bugs."""
    product = Product(siege.place, CATEGORIES, BROKER)
    try:
        await product.ready()
        await siege.world.settle(product.port, siege.rng)
        await siege.drain(DRAIN_SECONDS)
        return await siege.inspect(siege.place.data, drained=True)
    finally:
        await product.kill()


async def _publish(siege: Siege, product: Product) -> None:
    """To people who want it on every channel; some are registered and want nothing yet."""
    await product.ready()
    world = siege.world
    people: Mapping[str, Any] = {person(n): EVERYTHING for n in range(PEOPLE)}
    others = {person(PEOPLE + n): NOTHING for n in range(CHANGES)}
    await world.send_all(product.port, [world.log.register_many({**people, **others})])
    lines = [("goals", None, f"{world.name} {n}") for n in range(MESSAGES)]
    keyless = world.name == "key-outside"
    await world.send_all(
        product.port,
        [
            world.log.publish([line], None if keyless else f"{world.name}-{n}")
            for n, line in enumerate(lines)
        ],
    )


def person(number: int) -> str:
    return f"p-{number}"
