"""The checker counts only after it has been tested: each kind of lie, told to it one by one."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.faults.checker import Checker, Finding, Kind, parse_calls
from tests.faults.history import History
from tests.faults.record import CANCELLED, DEAD, DELIVERED, RETRYING, Attempt, Batch, Record, Row
from tests.faults.record import Message as Kept
from tests.faults.script import BOTH, NOTHING, OTHER, M, Script, people, published

ADA, BOB = 1, 2


def rows(**changes: Row | None) -> dict[int, dict[tuple[str, int], Row]]:
    """Ada's two deliveries, changed as told."""
    every: dict[str, Row | None] = {
        "sms": Row(DELIVERED, 1, 1),
        "recorder": Row(DELIVERED, 2, 1),
        **changes,
    }
    return {1: {(channel, ADA): row for channel, row in every.items() if row is not None}}


def kept(*bodies: str) -> tuple[Kept, ...]:
    return tuple(
        Kept(key, message, "news", None, body)
        for key, (message, body) in enumerate(zip((M, OTHER), bodies, strict=False), 1)
    )


def stored(**changes: Any) -> Record:
    """A store with one message to Ada on two channels, all of it done."""
    found = Record(
        messages=kept("one"),
        subscribers={"ada": ADA, "bob": BOB},
        rows=rows(),
        batches={1: Batch(1, None, 0, (1, 0, 0)), 2: Batch(2, None, 0, (1, 0, 0))},
        attempts={(1, 1): Attempt("finished"), (2, 1): Attempt("finished")},
        unfinished=frozenset(),
    )
    return dataclasses.replace(found, **changes)


def check(
    script: Script | None = None,
    record: Record | None = None,
    calls: Iterable[str] = (f"{M}.recorder.1 1",),
    *,
    drained: bool = True,
) -> list[Finding]:
    history = History.of((script or published()).events)
    called = parse_calls("\n".join(calls), "recorder")
    return list(Checker(history, called, record or stored(), "recorder", drained).findings())


def kinds(found: Iterable[Finding]) -> set[Kind]:
    return {finding.kind for finding in found}


def test_what_went_well_is_left_alone() -> None:
    assert check() == []
    assert check(drained=False) == []


def test_an_accepted_message_must_be_there() -> None:
    gone = stored(messages=(), rows={}, batches={}, attempts={})
    assert kinds(check(record=gone, calls=())) == {Kind.LOST}


def test_an_accepted_message_must_be_as_it_was_written() -> None:
    other = stored(messages=(Kept(1, M, "sports", None, "one"),))
    assert Kind.ALTERED in kinds(check(record=other))


def test_what_get_shows_is_compared_too() -> None:
    assert check(published().read(M, ["news", None, "one"])) == []
    assert kinds(check(published().read(M, ["news", None, "two"]))) == {Kind.ALTERED}
    assert kinds(check(published().read(M, None))) == {Kind.LOST}


def test_nobody_asked_for_it() -> None:
    nobody = stored(rows={}, batches={}, attempts={})
    assert kinds(check(people(), nobody, calls=())) == {Kind.GHOST}


def test_a_refused_request_leaves_nothing() -> None:
    assert kinds(check(people().ask(3, expected=422).answer(3, status=422))) == {Kind.GHOST}


def test_an_unanswered_request_may_be_there_or_not_but_not_twice() -> None:
    unknown = people().ask(3).crash()
    none = stored(messages=(), rows={}, batches={}, attempts={})
    assert check(unknown) == []
    assert check(unknown, none, calls=()) == []
    assert Kind.GHOST in kinds(check(unknown, stored(messages=kept("one", "one"))))


def test_many_are_stored_all_or_none() -> None:
    unknown = Script().ask(3, "one two").crash()
    half = stored(rows={}, batches={}, attempts={})
    assert kinds(check(unknown, half, calls=())) == {Kind.TORN}


def test_a_key_gives_the_same_ids_for_ever() -> None:
    asked = people().ask(3, key="k").answer(3, M)
    assert check(asked) == []
    assert check(asked.ask(4, key="k").answer(4, M)) == []
    assert kinds(check(asked.ask(5, key="k").answer(5, OTHER))) == {Kind.REBOUND}


def test_a_key_refuses_another_content() -> None:
    asked = people().ask(3, key="k").answer(3, M)
    assert check(asked.ask(4, "two", key="k", expected=422).answer(4, status=422)) == []
    both = stored(messages=kept("one", "two"))
    assert Kind.REBOUND in kinds(check(asked.ask(5, "two", key="k").answer(5, OTHER), both))


@pytest.mark.parametrize("status", [422, 500])
def test_an_answer_that_was_not_expected_is_an_error(status: int) -> None:
    none = stored(messages=(), rows={}, batches={}, attempts={})
    assert kinds(check(people().ask(3).answer(3, status=status), none, ())) == {Kind.ERROR}


@pytest.mark.parametrize("channel", ["sms", "recorder"])
def test_everybody_of_the_audience_has_a_delivery(channel: str) -> None:
    batch = 1 if channel == "sms" else 2
    batches = {**stored().batches, batch: Batch(batch, None, 0, (0, 0, 0))}
    missing = stored(rows=rows(**{channel: None}), batches=batches)
    assert kinds(check(record=missing, calls=())) >= {Kind.LOST}
    waiting = dataclasses.replace(missing, unfinished=frozenset({1}))
    calls = [f"{M}.recorder.1 1"]
    assert check(record=waiting, calls=calls, drained=False) == []
    assert kinds(check(record=waiting, calls=calls)) == {Kind.STUCK}


def test_nobody_else_has_one() -> None:
    extra = rows()
    extra[1]["sms", BOB] = Row(DELIVERED, 1, 1)
    batches = {**stored().batches, 1: Batch(1, None, 0, (2, 0, 0))}
    assert kinds(check(record=stored(rows=extra, batches=batches))) == {Kind.GHOST}


def test_a_choice_that_changed_meanwhile_may_go_either_way() -> None:
    script = Script().choose(1, "ada", BOTH).ask(3).choose(4, "bob", BOTH).answer(3, M)
    assert check(script) == []
    extra = rows()
    extra[1]["sms", BOB] = Row(DELIVERED, 1, 1)
    batches = {**stored().batches, 1: Batch(1, None, 0, (2, 0, 0))}
    assert check(script, stored(rows=extra, batches=batches)) == []


def test_cancelled_is_only_who_took_the_choice_back() -> None:
    record = stored(
        rows=rows(sms=Row(CANCELLED, 1, 1)),
        batches={**stored().batches, 1: Batch(1, None, 0, (0, 0, 1))},
    )
    assert kinds(check(record=record)) == {Kind.LOST}
    assert check(published().choose(4, "ada", NOTHING), record) == []


def test_there_are_no_dead_letters() -> None:
    batches = {**stored().batches, 1: Batch(1, None, 0, (0, 1, 0))}
    record = stored(rows=rows(sms=Row(DEAD, 1, 1)), batches=batches)
    assert kinds(check(record=record)) == {Kind.DEAD}


def test_what_waits_after_draining_is_stuck() -> None:
    batches = {**stored().batches, 1: Batch(1, None, 0, (0, 0, 0))}
    record = stored(rows=rows(sms=Row(RETRYING, 1, 1)), batches=batches)
    assert kinds(check(record=record)) == {Kind.STUCK}


@pytest.mark.parametrize(
    ("called", "wrong"),
    [
        ([], Kind.LOST),
        ([2], Kind.OVER_CALLED),
        ([1, 1], Kind.OVER_CALLED),
        ([1, 2], Kind.OVER_CALLED),
    ],
)
def test_a_recorded_delivery_had_its_call(called: list[int], wrong: Kind) -> None:
    assert wrong in kinds(check(calls=[f"{M}.recorder.1 {attempt}" for attempt in called]))


def lineage(*endings: str | None) -> Record:
    """The recorded delivery ended in a child batch, after so many attempts."""
    last = len(endings)
    return stored(
        rows=rows(recorder=Row(DELIVERED, 3, last)),
        batches={
            **stored().batches,
            2: Batch(2, None, 0, (0, 0, 0)),
            3: Batch(3, 2, 1, (1, 0, 0)),
        },
        attempts={
            (1, 1): Attempt("finished"),
            **{(2 if n == 1 else 3, n): Attempt(end) for n, end in enumerate(endings, 1)},
        },
    )


def test_an_attempt_that_was_lost_may_have_called() -> None:
    record = lineage("interrupted", "died", "finished")
    for called in ([3], [1, 3], [1, 2, 3]):
        assert check(record=record, calls=[f"{M}.recorder.1 {n}" for n in called]) == []
    released = lineage("interrupted", "released", "finished")
    calls = [f"{M}.recorder.1 {n}" for n in (1, 2, 3)]
    assert kinds(check(record=released, calls=calls)) == {Kind.OVER_CALLED}


def test_calls_outside_the_audience_and_of_unknown_messages() -> None:
    call = f"{M}.recorder.1 1"
    assert kinds(check(calls=[call, f"{M}.recorder.2 1"])) == {Kind.GHOST}
    assert kinds(check(calls=[call, f"{OTHER}.recorder.1 1"])) == {Kind.GHOST}
    with pytest.raises(ValueError, match="in the log of"):
        check(calls=[f"{M}.sms.1 1"])


def test_called_and_cancelled_by_the_same_attempt() -> None:
    record = stored(
        rows=rows(recorder=Row(CANCELLED, 2, 1)),
        batches={**stored().batches, 2: Batch(2, None, 0, (0, 0, 1))},
    )
    assert kinds(check(published().choose(4, "ada", NOTHING), record)) == {Kind.GHOST}


@pytest.mark.parametrize(
    "torn",
    [
        {"batches": {1: Batch(1, None, 0, (0, 0, 0)), 2: Batch(2, None, 0, (1, 0, 0))}},
        {"attempts": {(1, 1): Attempt(None), (2, 1): Attempt("finished")}},
    ],
)
def test_rows_and_their_batch_are_of_one_commit(torn: Mapping[str, Any]) -> None:
    assert kinds(check(record=stored(**torn), drained=False)) == {Kind.TORN}


def replayed(**changes: Any) -> Record:
    """Dead in batch 2, and delivered in the second round of batch 3."""
    record = lineage("finished", "finished")
    batches = {**record.batches, 2: Batch(2, None, 0, (0, 1, 0))}
    return dataclasses.replace(record, batches=batches, reopened={2: 1}, **changes)


def test_a_batch_still_counts_the_dead_that_were_replayed() -> None:
    calls = [f"{M}.recorder.1 2"]
    assert check(record=replayed(), calls=calls, drained=False) == []
    forgotten = dataclasses.replace(replayed(), reopened={})
    assert kinds(check(record=forgotten, calls=calls, drained=False)) == {Kind.TORN}
    invented = dataclasses.replace(replayed(), reopened={2: 2})
    assert kinds(check(record=invented, calls=calls, drained=False)) == {Kind.TORN}


def test_a_copy_under_another_id_is_a_ghost() -> None:
    copy = stored(messages=(*kept("one"), Kept(2, OTHER, "news", None, "one")))
    assert Kind.GHOST in kinds(check(record=copy))


def test_the_same_attempt_twice_is_one_call_too_many() -> None:
    record = lineage("interrupted", "finished")
    calls = [f"{M}.recorder.1 1", f"{M}.recorder.1 1"]
    assert Kind.OVER_CALLED in kinds(check(record=record, calls=calls))
