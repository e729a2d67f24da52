"""The planted bugs: which there are, and what counts as having caught one."""

from pathlib import Path

import pytest

from tests.faults import planted
from tests.faults.checker import Finding, Kind
from tests.faults.planted import BUGS, Bug, caught_all, summary
from tests.faults.process import NotReady
from tests.faults.sabotage import BUGS as SABOTAGE

LOST = Finding(Kind.LOST, "message 1")


def test_there_are_twelve_and_each_can_be_planted() -> None:
    assert [bug.name for bug in BUGS] == list(SABOTAGE)
    assert len(BUGS) == len({bug.is_ for bug in BUGS}) == 12


def test_found_as_what_it_is() -> None:
    consent = next(bug for bug in BUGS if bug.invariant)
    assert consent.shown_by(Finding(Kind.INVARIANT, "I10: handed over late"))
    assert not consent.shown_by(Finding(Kind.INVARIANT, "I1: planned too few"))
    assert not consent.shown_by(LOST)


def made_up(with_it: list[Finding], without: list[Finding], needs: str = "") -> Bug:
    async def scene(root: Path, bug: str, *, planted: bool) -> list[Finding]:
        return with_it if planted else without

    return Bug("some", "some mistake", Kind.LOST, scene, needs=lambda: needs)


async def not_ready(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    raise NotReady(f"{planted}")


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        (made_up([LOST], []), (1, 1, [])),
        (made_up([Finding(Kind.DEAD, "x"), LOST], []), (1, 1, [])),
        (made_up([], []), (0, 1, [])),
        (made_up([Finding(Kind.DEAD, "x")], []), (0, 1, [])),
        (made_up([LOST], [LOST]), (0, 1, [])),
        (made_up([], [], "there is no loop device"), (0, 1, ["some: there is no loop device"])),
        (Bug("some", "", Kind.LOST, not_ready), (0, 1, [])),
    ],
)
async def test_what_counts_as_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some: Bug, expected: tuple[int, int, list[str]]
) -> None:
    monkeypatch.setattr(planted, "BUGS", (some,))
    assert await caught_all(tmp_path) == expected


def test_what_could_not_be_planted_is_said() -> None:
    assert summary(12, 12, []) == "planted bugs caught 12/12"
    assert summary(10, 12, ["a: b"]) == "planted bugs caught 10/11 + 1 not run (a: b)"
