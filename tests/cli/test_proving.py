"""`notefly verify` on stores that keep the promise, and on one that does not."""

import asyncio
import io
import json
import sys
from pathlib import Path

import apsw
import pytest
from typing_extensions import override

from notefly.cli.proving import SHOWN, Report
from notefly.domain.log import Looked, Proved, Violation
from tests.cli.conftest import Notefly
from tests.contract.log import everything
from tests.support.time import VirtualClock
from tests.support.world import sqlite_file

STORE = Path("notefly-data/notefly.db")


@pytest.fixture
def store(alone: Notefly) -> Path:
    """In the working directory's data directory; something of everything is in it."""

    async def fill() -> None:
        async with sqlite_file(STORE.parent, VirtualClock()) as world:
            await everything(world)

    asyncio.run(fill())
    return STORE


def broken(store: Path, sql: str) -> None:
    connection = apsw.Connection(str(store))
    connection.execute(sql).fetchall()
    connection.close()


def test_every_invariant_says_how_much_was_looked_at(alone: Notefly, store: Path) -> None:
    result = alone("verify")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in lines[:-1]] == [["✓", f"I{n}"] for n in range(1, 11)]
    assert "(20 deliveries" in lines[1]
    assert lines[-1].startswith("no violation in ")
    assert result.stderr == ""


def test_a_violation_is_named_and_ends_in_a_status(alone: Notefly, store: Path) -> None:
    broken(store, "UPDATE tally SET deliveries = deliveries + 1")
    result = alone("verify")
    assert result.exit_code == 1
    assert [line[0] for line in result.stdout.splitlines() if line[0] in "✓✗"].count("✗") == 2
    assert result.stderr.startswith("notefly: violated: I8: channel sms: ")


def test_lines_for_scripts_end_in_a_summary(alone: Notefly, store: Path) -> None:
    *lines, summary = map(json.loads, alone("verify", "--json").stdout.splitlines())
    assert [line["invariant"] for line in lines] == [f"I{n}" for n in range(1, 11)]
    assert all(line["holds"] and not line["violations"] for line in lines)
    assert summary["holds"]
    assert summary["looked"]["deliveries"] == lines[1]["looked"]["deliveries"] == 20
    assert (summary["violations"], summary["first"]) == (0, None)
    broken(store, "UPDATE attempt SET number = 7 WHERE batch = 1")
    result = alone("verify", "--json")
    *lines, summary = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 1
    found = next(line for line in lines if "detail" in line)
    assert summary["first"] == {name: found[name] for name in found if name != "holds"}
    assert found["invariant"] == "I4"
    assert found["message"].count("-") == 4
    assert found["channel"] == "sms"


def test_another_store_can_be_named(alone: Notefly, store: Path) -> None:
    backup = store.rename("backup.db")
    assert alone("verify").exit_code == 1
    assert alone("verify", "--store", str(backup)).exit_code == 0
    missing = alone("verify", "--store", "none.db")
    assert missing.exit_code == 2
    assert "'none.db' does not exist" in missing.stderr


class Terminal(io.StringIO):
    """What somebody watches."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("watched", [True, False])
def test_progress_is_for_who_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], watched: bool
) -> None:
    stderr = Terminal() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    report = Report()
    report.take(Looked("I3", "I3_rows", "deliveries", 1_234_567))
    report.take(Proved("I3", {"deliveries": 1_234_567}, 0))
    assert ("I3_rows: 1,234,567 deliveries, 0 s" in stderr.getvalue()) == watched
    assert bool(stderr.getvalue()) == watched
    assert "(1,234,567 deliveries)" in capsys.readouterr().out


def test_many_violations_are_counted_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    for n in range(SHOWN + 5):
        report.take(Violation("I3", f"wrong {n}"))
    report.take(Proved("I3", {"deliveries": 30}, SHOWN + 5))
    report.end()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == SHOWN + 2
    assert "and 5 more" in lines[-2]
    assert lines[-1].startswith("25 violations in 30 deliveries")
