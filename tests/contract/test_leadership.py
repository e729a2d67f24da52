import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from notefly.adapters.inprocess.alone import Alone
from notefly.adapters.postgres.leadership import open_leadership
from notefly.ports.leadership import Leadership
from tests.contract import leading
from tests.contract.leading import Candidate, LeadingCheck
from tests.support.server import database_for


@asynccontextmanager
async def alone() -> AsyncIterator[Candidate]:
    yield one_process


@asynccontextmanager
async def one_process() -> AsyncIterator[Leadership]:
    yield Alone()


@asynccontextmanager
async def postgres() -> AsyncIterator[Candidate]:
    with tempfile.TemporaryDirectory() as folder:
        dsn = await database_for(Path(folder))

        def candidate() -> AbstractAsyncContextManager[Leadership]:
            return open_leadership(dsn)

        yield candidate


SHARED = [pytest.param(postgres, id="postgres", marks=pytest.mark.engines)]
"""Others that several processes share are added here."""
EVERY = [pytest.param(alone, id="alone"), *SHARED]


@pytest.fixture
async def candidate(request: pytest.FixtureRequest) -> AsyncIterator[Candidate]:
    async with request.param() as opened:
        yield opened


@pytest.mark.parametrize("candidate", EVERY, indirect=True)
@pytest.mark.parametrize("check", leading.always, ids=lambda check: check.__name__)
async def test_every_leadership(candidate: Candidate, check: LeadingCheck) -> None:
    await check(candidate)


@pytest.mark.parametrize("candidate", SHARED, indirect=True)
@pytest.mark.parametrize("check", leading.shared, ids=lambda check: check.__name__)
async def test_leadership_among_several(candidate: Candidate, check: LeadingCheck) -> None:
    await check(candidate)


class Queue:
    """Whoever came first leads; what is wrong with it a subclass says."""

    line: ClassVar[list["Queue"]] = []

    async def leads(self) -> bool:
        if self not in self.line:
            self.line.append(self)
        return self.line[0] is self

    def leave(self) -> None:
        self.line.remove(self)


class Everybody(Queue):
    """Nobody asks the others."""

    @override
    async def leads(self) -> bool:
        await super().leads()
        return True


class ForEver(Queue):
    """Who led once leads from its grave."""

    @override
    def leave(self) -> None:
        pass


class Now(Queue):
    """The last one to ask takes it over."""

    @override
    async def leads(self) -> bool:
        self.line[:] = [self, *(other for other in self.line if other is not self)]
        return True


async def failed(kind: type[Queue]) -> list[str]:
    @asynccontextmanager
    async def candidate() -> AsyncIterator[Leadership]:
        one = kind()
        try:
            yield one
        finally:
            one.leave()

    names = []
    for check in (*leading.always, *leading.shared):
        kind.line.clear()
        try:
            await check(candidate)
        except (AssertionError, TimeoutError):
            names.append(check.__name__)
    return names


@pytest.mark.parametrize(("kind", "notices"), [(Queue, 0), (Everybody, 2), (ForEver, 1), (Now, 2)])
async def test_the_suite_notices_wrong_ones(
    kind: type[Queue], notices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "PATIENCE_SECONDS", 0.05)
    assert len(await failed(kind)) == notices
