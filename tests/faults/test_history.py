"""What the client log is taken to say."""

from tests.faults.history import NEVER, Fate, History, Line, chosen
from tests.faults.script import BOTH, M, Script, published


def test_history_knows_when_a_request_was_accepted_at_the_latest() -> None:
    script = Script().ask(1, key="k").crash().ask(1, key="k").answer(1, M).ask(2).crash()
    kept_one, lost = History.of(script.events).requests
    assert (kept_one.asked, kept_one.closed, kept_one.fate) == (0, 3, Fate.ACCEPTED)
    assert (lost.asked, lost.closed, lost.fate) == (4, 5, Fate.UNKNOWN)


def test_a_choice_that_was_never_answered_stays_open() -> None:
    script: Script = Script()
    script.add(event="ask", op=1, kind="choose", people={"ada": BOTH}, expected=[200])
    interval, _ = History.of(script.crash().events).intervals["news"]
    assert interval.opened.answered == NEVER


def test_the_rule_of_matching() -> None:
    preferences = {
        "categories": ["news", "sports", "films"],
        "channels": ["sms"],
        "overrides": {"news": ["email", "push"], "sports": [], "weather": ["sms"]},
    }
    assert chosen(preferences) == {("news", "email"), ("news", "push"), ("films", "sms")}


def test_reads_keep_their_line() -> None:
    [read] = History.of(published().read(M, ["news", None, "one"]).events).reads
    assert read.line == Line("news", None, "one")
