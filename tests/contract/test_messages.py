from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from notefly.domain.errors import KeyReused
from notefly.domain.ids import MessageId
from notefly.ports.message_store import MessageStore, Publication, Receipt
from tests.contract.messages import messages
from tests.support.checks import Check
from tests.support.world import World


@messages.parametrise()
async def test_every_message_store(world: World, check: Check) -> None:
    await check(world)


@dataclass
class Wrong:
    """A right store, but for what a subclass breaks."""

    right: MessageStore

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


class ForgetsKeys(Wrong):
    async def accept(self, publication: Publication) -> Receipt:
        return await self.right.accept(replace(publication, key=None))


class RebindsKeys(Wrong):
    """Other content under a used key is taken for a new request."""

    def __init__(self, right: MessageStore) -> None:
        super().__init__(right)
        self.fresh = count()

    async def accept(self, publication: Publication) -> Receipt:
        try:
            return await self.right.accept(publication)
        except KeyReused:
            return await self.right.accept(replace(publication, key=None))


class AcceptsOneByOne(Wrong):
    """Lines of one request in commits of their own."""

    async def accept(self, publication: Publication) -> Receipt:
        ids: list[MessageId] = []
        for message, content in zip(publication.ids, publication.contents, strict=True):
            part = replace(publication, ids=[message], contents=[content])
            ids += (await self.right.accept(part)).ids
        return Receipt(ids, publication.accepted_at, replayed=False)


async def test_the_suite_notices_wrong_ones() -> None:
    for wrong in (ForgetsKeys, RebindsKeys, AcceptsOneByOne):
        failed = await messages.failed_by(
            lambda world, wrong=wrong: replace(world, messages=wrong(world.messages))  # type: ignore[misc]
        )
        assert failed, wrong.__name__
