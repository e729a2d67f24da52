"""The list of faults, and how a run is told."""

import re

from tests.faults.__main__ import took
from tests.faults.checker import Finding, Kind
from tests.faults.fault import CLUSTER, Counts, Tally
from tests.faults.report import Row, State, closing, table
from tests.faults.suite import faults


def row(state: State = State.PASSED, *findings: Finding, why: str = "") -> Row:
    tally = Tally(
        3, Counts({"202s": 1_200}), list(findings), measured={"exit": "2.1 s (bound 10 s)"}
    )
    return Row("sigterm", "0 lost", 7, state, 3, tally, 12.3, why)


def test_every_fault_says_what_it_expects_and_how_often() -> None:
    for fault in faults():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", fault.name)
        assert fault.expected
        assert 0 < fault.rounds.ci <= fault.rounds.short <= fault.rounds.long


def test_a_line_tells_n_beside_its_zero() -> None:
    told = row().line
    assert told == (
        "sigterm: passed: 3 of 3 rounds; 202s 1,200; findings 0; exit 2.1 s (bound 10 s) "
        "(12 s, seed 7)"
    )


def test_a_fault_that_did_not_run_says_why_and_claims_nothing() -> None:
    absent = Row("power-cut", "0 lost", 7, State.NOT_RUN, 60, why="mounting needs root")
    assert absent.line == "power-cut: not run: mounting needs root"
    assert "not run: mounting needs root |  |" in table([absent])[-1]


def test_findings_are_counted_by_kind_and_shown_up_to_a_limit() -> None:
    found = [Finding(Kind.LOST, f"message {number}") for number in range(25)]
    broken = row(State.FAILED, *found)
    assert "findings 25 (lost 25)" in broken.line
    assert broken.details[0] == "  lost: message 0"
    assert broken.details[-1] == "  and 5 more"
    assert broken.document()["kinds"] == {"lost": 25}


def test_each_wait_is_kept_by_what_was_done() -> None:
    kept = row()
    kept.tally.waits["stop worker"] = [2.0, 0.504, 9.1]
    told = {"n": 3, "median": 2.0, "max": 9.1, "every": [0.5, 2.0, 9.1]}
    assert kept.document()["waits_seconds"] == {"stop worker": told}


def test_only_faults_of_the_cluster_have_lives_side_by_side() -> None:
    assert {fault.group for fault in faults() if fault.side_by_side} == {CLUSTER}
    assert all(fault.side_by_side for fault in faults() if fault.group == CLUSTER)


def test_the_closing_line_is_that_of_a_test_runner() -> None:
    rows = [row(), row(), row(State.FAILED), row(State.NOT_RUN)]
    assert closing(rows) == "2 passed, 1 failed, 1 not run"


def test_what_all_of_it_took_stands_beside_its_bound() -> None:
    assert took(300, 300) == "300 s: within its 300 s"
    assert took(1_800, 2_000) == "2,000 s: over its 1,800 s"
    assert took(None, 20_000) == "20,000 s"
