"""/activity, one message, one delivery, and the stream that keeps them live."""

import csv
import json
import re

import httpx2
import pytest

from notefly.client import broker_api
from notefly.client.activity import PAGE_SIZE
from notefly.client.broker_api import BrokerApi
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
    assert '<option value="email" selected>E-mail</option>' in page
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


def test_all_of_the_log_is_taken_along(console: Console, broker: Broker) -> None:
    """Page after page of the broker's, as one file with one header."""
    message = sent(broker, "=Taken along")
    for kind, media in (("csv", "text/csv"), ("ndjson", "application/x-ndjson")):
        answer = console.http.get(f"/activity/export.{kind}?message={message}")
        assert answer.headers["Content-Type"].startswith(media)
        assert f'filename="notefly-log.{kind}"' in answer.headers["Content-Disposition"]
        lines = answer.text.splitlines()
        assert len(lines) == 6 + (kind == "csv")
        assert sum("chloe@example.org" in line for line in lines) == 1
    assert f"/activity/export.csv?message={message}" in console.get(f"/activity?message={message}")
    console.get("/activity/export.csv?state=lost", 422)
    console.get("/activity/export.xml", 404)


def test_filters_without_a_field_are_kept(console: Console) -> None:
    page = console.get("/activity?reason=expired&channel=email")
    assert '<input type="hidden" name="reason" value="expired">' in page
    assert "Only reason <b>expired</b>" in page


async def test_what_is_taken_along_has_one_header_however_many_pages_it_is(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = sent(broker, "Of two pages")
    monkeypatch.setattr(broker_api, "EXPORTED_AT_ONCE", 4)
    async with httpx2.AsyncClient(base_url=broker.url) as http:
        pages = BrokerApi(http).export("/v1/deliveries", "text/csv", {"message": message})
        read = [page.decode() async for page in pages]
    assert len(read) == 2
    rows = list(csv.DictReader("".join(read).splitlines()))
    assert len({row["id"] for row in rows}) == len(rows) == 6
    assert {row["message_id"] for row in rows} == {message}
