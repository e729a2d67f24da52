"""publish, show, tail: against a real broker."""

import json

from click.testing import Result

from tests.broker.service import Broker
from tests.cli.conftest import Notefly


def told(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(result: Result) -> str:
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert all(line.startswith("notefly: ") for line in result.stderr.splitlines())
    return result.stderr


def published(notefly: Notefly, *words: str) -> str:
    message = json.loads(told(notefly("publish", *words, "--wait", "--json")))
    assert message["state"] == "done"
    return str(message["id"])


def test_publish_says_what_was_accepted(notefly: Notefly, broker: Broker) -> None:
    said = told(notefly("publish", "sports", "Goal!", "--title", "Final"))
    message = broker.get(f"/v1/messages/{said.split()[-1]}")
    assert (message["title"], message["body"]) == ("Final", "Goal!")


def test_publish_and_wait_tells_what_became_of_it(notefly: Notefly) -> None:
    lines = told(notefly("publish", "finance", "Throughput", "--wait")).splitlines()
    assert [line.split() for line in lines] == [
        ["channel", "delivered"],
        ["email", "1"],
        ["push", "1"],
        ["sms", "2"],
        ["all", "4"],
    ]


def test_publish_takes_the_body_from_stdin(notefly: Notefly, broker: Broker) -> None:
    said = told(notefly("publish", "sports", "-", "--json", stdin="line 1\nline 2\n"))
    message = broker.get(f"/v1/messages/{json.loads(said)['id']}")
    assert message["body"] == "line 1\nline 2\n"


def test_the_same_key_publishes_once(notefly: Notefly) -> None:
    words = ("sports", "Once", "--key", "cli-once", "--json")
    first, second = told(notefly("publish", *words)), told(notefly("publish", *words))
    assert json.loads(first)["id"] == json.loads(second)["id"]
    other = notefly("publish", "sports", "Twice", "--key", "cli-once")
    assert "Key stands for a request with other content" in refused(other)


def test_what_the_broker_refuses_is_said_in_its_words(notefly: Notefly) -> None:
    said = refused(notefly("publish", "cats", " "))
    assert "category: unknown category; the configured ones are: finance, movies, sports" in said
    assert "body: must not be empty" in said
    assert "expires_at: " in refused(notefly("publish", "sports", "x", "--expires-at", "tomorrow"))


def test_show_a_message_and_its_deliveries(notefly: Notefly) -> None:
    message = published(notefly, "sports", "Shown", "--title", "To be seen")
    said = told(notefly("show", message))
    assert "title     To be seen" in said
    assert "state     done" in said
    assert "chloe@example.org" in said
    assert json.loads(told(notefly("show", message, "--json")))["id"] == message


def test_show_a_delivery_with_what_goes_out(notefly: Notefly, broker: Broker) -> None:
    message = published(notefly, "sports", "Goal!")
    delivery = broker.deliveries(message=message, subscriber="ben")[0]["id"]
    said = told(notefly("show", delivery))
    assert "to         Ben Okafor (+12025550102)" in said
    assert "attempt 1" in said
    assert "encoding GSM-7" in said
    assert said.endswith("Goal!\n")
    assert json.loads(told(notefly("show", delivery, "--json")))["id"] == delivery


def test_show_obeys_no_escape_sequence_of_a_message(notefly: Notefly, broker: Broker) -> None:
    message = published(notefly, "sports", "red \x1b[31malert\x07")
    delivery = broker.deliveries(message=message, subscriber="ben")[0]["id"]
    for identity in (message, delivery):
        assert "\x1b[31m" not in told(notefly("show", identity))
    assert "\x1b[31malert" not in told(notefly("tail", "--no-follow", "--message", message))


def test_show_what_is_not_there(notefly: Notefly) -> None:
    assert "there is no message 'nope'" in refused(notefly("show", "nope"))
    assert "there is no delivery 'no.such.thing'" in refused(notefly("show", "no.such.thing"))


def test_tail_lists_the_past_oldest_first(notefly: Notefly) -> None:
    message = published(notefly, "sports", "Tailed")
    said = told(notefly("tail", "--no-follow", "--message", message, "--json"))
    lines = [json.loads(line) for line in said.splitlines()]
    assert len(lines) == 6
    assert {line["message_id"] for line in lines} == {message}
    one = told(notefly("tail", "--no-follow", "--message", message, "--subscriber", "ben"))
    assert [line.split()[1:] for line in one.splitlines()] == [
        ["✓", "delivered", "sms", "ben", "sports:", "Tailed"]
    ]
    assert len(told(notefly("tail", "--no-follow", "-n", "2")).splitlines()) == 2
    assert told(notefly("tail", "--no-follow", "--message", message, "--state", "dead")) == ""


def test_tail_refuses_an_unknown_state(notefly: Notefly) -> None:
    assert "state: " in refused(notefly("tail", "--no-follow", "--state", "lost"))
