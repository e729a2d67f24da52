"""/activity, one message, one delivery, and the stream that keeps them live."""

import json
import re

from notefly.client.activity import PAGE_SIZE
from tests.broker.service import Broker
from tests.client.console import Console

LINE = re.compile(r'<li id="d-([^"]+)">')


def sent(broker: Broker, body: str, category: str = "sports") -> str:
    message = broker.publish(category=category, body=body)["id"]
    broker.done(message)
    return str(message)


def test_the_newest_message_is_first(console: Console, broker: Broker) -> None:
    sent(broker, "An older one")
    sent(broker, "The newest one")
    page = console.get("/activity")
    assert page.index("The newest one") < page.index("An older one")
    assert "chloe@example.org" in page


def test_filters_stand_in_the_address(console: Console, broker: Broker) -> None:
    message = sent(broker, "Filtered")
    address = f"/activity?message={message}&channel=email&state=delivered&subscriber=chloe"
    page = console.get(address + "&category=sports")
    assert len(LINE.findall(page)) == 1
    assert "<option selected>email</option>" in page
    assert 'value="chloe"' in page
    assert "Nothing in the log matches" in console.get(address + "&category=movies")
    assert "should be 'pending'" in console.get("/activity?state=lost", 422)


def test_a_page_leads_to_older_ones(console: Console, broker: Broker) -> None:
    for number in range(PAGE_SIZE // 6 + 1):
        sent(broker, f"Page filler {number}")
    page = console.get("/activity?category=sports")
    first = LINE.findall(page)
    older = re.search(r'href="(/activity\?category=sports&cursor=[^"]+)" rel="next">Older', page)
    assert older is not None
    behind = console.get(older[1])
    assert 0 < len(first) <= PAGE_SIZE
    assert not {*first} & {*LINE.findall(behind)}
    assert '<a href="/activity?category=sports">Newest</a>' in behind
    assert "data-live" not in behind
    assert "That cannot be done" in console.get("/activity?cursor=foreign", 422)


def test_a_part_for_scripts_is_the_log_alone(console: Console, broker: Broker) -> None:
    sent(broker, "A part")
    part = console.get("/activity", headers={"HX-Request": "true"})
    assert "A part" in part
    assert "<html" not in part


def test_one_delivery_is_explained(console: Console, broker: Broker) -> None:
    message = sent(broker, "Explained")
    (delivery,) = broker.deliveries(message=message, subscriber="chloe", channel="email")
    page = console.get(f"/deliveries/{delivery['id']}")
    assert "E-mail to Chloé Martin" in page
    assert "chloe@example.org" in page
    assert "attempt 1 was accepted by the channel" in page
    assert f"Message-ID: <{delivery['id']}@" in page


def test_what_is_not_there_is_a_page_too(console: Console) -> None:
    assert "there is no message 'nope'" in console.get("/messages/nope", 404)
    assert "there is no delivery" in console.get("/deliveries/a.b.c", 404)
    assert "nothing at this address" in console.get("/nowhere", 404)
    part = console.get("/messages/nope", 404, headers={"HX-Request": "true"})
    assert part.startswith('<p class="notice bad"')


def test_events_come_through_the_console(console: Console, broker: Broker) -> None:
    with console.events() as events:
        assert next(events)["event"] == "up"
        message = broker.publish(category="sports", body="Live")["id"]
        seen = [json.loads(next(events)["data"]) for _ in range(3)]
    assert {fact["message_id"] for fact in seen} == {message}
    assert {fact["channel"] for fact in seen} == {"sms", "email", "push"}


def test_a_stream_is_resumed_where_it_was_left(console: Console, broker: Broker) -> None:
    with console.events() as events:
        next(events)
        sent(broker, "Heard")
        heard = [next(events)["id"] for _ in range(3)]
    sent(broker, "Missed")
    for address, headers in (
        ("/events", {"Last-Event-ID": heard[0]}),
        (f"/events?after={heard[0]}", {}),
    ):
        with console.events(address, **headers) as events:
            assert next(events)["event"] == "up"
            ids = [next(events)["id"] for _ in range(5)]
        assert ids[:2] == heard[1:]
        assert len({*ids}) == 5
