"""Accepting messages: whoever asks while a commit is under way shares the next one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from notefly.adapters.postgres.accepting import accept_all, trust
from notefly.adapters.postgres.database import Database
from notefly.adapters.postgres.transaction import Transaction
from notefly.adapters.relational.messages import RelationalMessages
from notefly.adapters.relational.names import Names
from notefly.domain.errors import CommitUnknown, Unavailable
from notefly.ports.message_store import MessageStore, Publication, Receipt

GROUP = 1_000
"""Requests that share a commit, at most."""
PROBE = "UPDATE meta SET value = value WHERE name = 'delivery'"
READY_SECONDS = 2.0
"""Whoever probes does not wait for a server that says nothing."""
Answer = Receipt | Exception


@dataclass(slots=True)
class Member:
    """A request, and who waits for its answer."""

    publication: Publication
    answer: "asyncio.Future[Receipt]"

    def tell(self, found: Answer) -> None:
        """A waiter that has gone away is not told."""
        if self.answer.done():
            return
        if isinstance(found, Exception):
            self.answer.set_exception(found)
        else:
            self.answer.set_result(found)


class PostgresMessages(RelationalMessages):
    """See `MessageStore`."""

    def __init__(self, database: Database, categories: Names) -> None:
        super().__init__(database, categories)
        self._server = database
        self._waiting: list[Member] = []
        self._serving: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """After a refusal the disk is asked too, by a write that nothing stays of."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                trust(await self._server.read(lambda r: r.row("messages.trusted") or ()))
                if self._server.refused:
                    await self._server.write(lambda transaction: transaction.run(PROBE))
        except TimeoutError as error:
            raise Unavailable("PostgreSQL does not answer") from error
        self._server.refused = False

    async def accept(self, publication: Publication) -> Receipt:
        member = Member(publication, asyncio.get_running_loop().create_future())
        self._waiting.append(member)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        return await member.answer

    async def close(self) -> None:
        """Everybody who asked is answered."""
        if self._serving is not None:
            await self._serving

    async def _serve(self) -> None:
        """One group after the other: together they would only wait for each other's counter."""
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            await self._commit(group)
        self._serving = None

    async def _commit(self, group: Sequence[Member]) -> None:
        publications = [member.publication for member in group]
        try:
            answers = await self._server.write(
                lambda transaction: self._accept(transaction, publications), members=len(group)
            )
        except (CommitUnknown, Unavailable) as error:
            answers = [error for _ in group]
        except Exception as error:  # noqa: BLE001 - one of them is why, and is told
            if len(group) > 1:
                # What one of them brings must not undo the others.
                for member in group:
                    await self._commit([member])
                return
            answers = [error]
        for member, found in zip(group, answers, strict=True):
            member.tell(found)

    def _accept(
        self, transaction: Transaction, publications: Sequence[Publication]
    ) -> Sequence[Answer]:
        return accept_all(transaction, self._categories, publications)


def _meets(store: PostgresMessages) -> MessageStore:
    return store
