"""Publish: from a request to a promise."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from notefly.application.catalogue import Catalogue
from notefly.application.doorbell import PlannerBell
from notefly.application.pace import Pace
from notefly.application.room import Room
from notefly.domain.errors import Invalid, KeyReused, Problem, Unavailable
from notefly.domain.message import KEY, Content, IdempotencyKey, fingerprint, problems_of
from notefly.ports.clock import Clock, Ids
from notefly.ports.message_store import MessageStore, Publication, Receipt


@dataclass(frozen=True, slots=True)
class PublishMessage:
    """Accepts messages: when it returns, they are on stable storage and their audience is fixed."""

    messages: MessageStore
    catalogue: Catalogue
    clock: Clock
    ids: Ids
    pace: Pace
    planner: PlannerBell
    room: Room

    async def one(self, content: Content, key: str | None = None, owner: str = "") -> Receipt:
        """Raises Invalid, KeyReused or Unavailable; then nothing is stored."""
        problems = [*self._problems(content, self.clock.now()), *_key_problems(key)]
        return await self._accept([content], problems, _named([content], key, owner, many=False))

    async def many(
        self, contents: Sequence[Content], key: str | None = None, owner: str = ""
    ) -> Receipt:
        """All or nothing, in one commit; problems point to `/<line>/field`, lines from 0.

        Looking at them is done in a thread, so that thousands of them hold up nobody.
        """

        def examined() -> tuple[list[Problem], IdempotencyKey | None]:
            now = self.clock.now()
            found = [
                Problem(f"/{line}{problem.pointer}", problem.detail)
                for line, content in enumerate(contents)
                for problem in self._problems(content, now)
            ]
            if not contents:
                found.append(Problem("", "there is no message in it"))
            return [*found, *_key_problems(key)], _named(contents, key, owner, many=True)

        return await self._accept(contents, *await asyncio.to_thread(examined))

    def check(self, content: Content) -> None:
        """Raises Invalid for what `one` would refuse, and stores nothing."""
        if problems := list(self._problems(content, self.clock.now())):
            raise Invalid(problems)

    def _problems(self, content: Content, now: datetime) -> Iterator[Problem]:
        yield from problems_of(content, self.catalogue.category_names, now)
        yield from self.catalogue.content_problems(content)

    async def _accept(
        self, contents: Sequence[Content], problems: Sequence[Problem], key: IdempotencyKey | None
    ) -> Receipt:
        if problems:
            return await self._answered(key, problems)
        if (full := self.room.refusal()) is not None:
            return await self._repeated(key, full)
        self.pace.published()
        at = self.clock.now()
        ids = self.ids.messages(at, len(contents))
        receipt = await self.messages.accept(Publication(ids, contents, at, key))
        self.planner.ring()
        return receipt

    async def _repeated(self, key: IdempotencyKey | None, full: Unavailable) -> Receipt:
        """What was accepted has its answer; nothing else is taken."""
        known = None if key is None else await self.messages.answered(key)
        if known is None:
            raise full
        return known

    async def _answered(self, key: IdempotencyKey | None, problems: Sequence[Problem]) -> Receipt:
        """What was right when it was accepted has its answer, even if it expired meanwhile."""
        known = None
        if key is not None:
            with suppress(KeyReused):
                known = await self.messages.answered(key)
        if known is None:
            raise Invalid(problems)
        return known


def _named(
    contents: Sequence[Content], key: str | None, owner: str, *, many: bool
) -> IdempotencyKey | None:
    """What makes a retry the same request."""
    if key is None or not KEY.fullmatch(key):
        return None
    return IdempotencyKey(owner, key, fingerprint(contents, many=many))


def _key_problems(key: str | None) -> Iterator[Problem]:
    if key is not None and not KEY.fullmatch(key):
        yield Problem("", "Idempotency-Key must be 1 to 255 visible ASCII characters")
