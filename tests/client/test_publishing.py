"""/pub without scripts and with them: preview, send once, refusals, and what became of it."""

import json
import re
import shlex
from html import unescape

import pytest

from notefly.client.links import Links
from notefly.config import Settings
from tests.broker.service import Broker
from tests.client.console import Console

PART = {"HX-Request": "true"}


def preview(console: Console, **written: str) -> str:
    return unescape(console.post("/pub/preview", console.form() | written, headers=PART).text)


def test_the_form_is_there_at_once(console: Console) -> None:
    page = console.get("/pub")
    for name in ("Finance", "Movies", "Sports"):
        assert f">{name}</option>" in page
    assert '<label for="title">Title' in page
    assert '<label for="body">Text ' in page
    assert "log mode: nothing leaves this machine" in page
    assert '<option value="movies" selected>' in console.get("/pub?category=movies")


def test_who_will_get_it_before_anything_is_written(console: Console) -> None:
    page = preview(console, category="finance")
    assert "<b>2</b> people" in page
    assert "SMS <b>2</b>" in page
    assert "Ada Lovelace" in page
    assert "Chloé Martin" in page
    assert "Subject:" not in page


def test_an_override_shows_in_who_will_get_it(console: Console) -> None:
    rows = preview(console, category="finance").split('<th scope="row">')
    (chloe,) = [row for row in rows if row.startswith("Chloé")]
    cells = chloe.partition("</tr>")[0].split('class="unseen">')[1:]
    assert [cell.split("</span>")[0] for cell in cells] == [
        "yes",
        "no",
        "no",
    ]


def test_how_it_will_look_on_each_channel(console: Console) -> None:
    page = preview(console, body="Tor! ⚽", title="Final")
    assert "encoding <b>UCS-2</b>" in page
    assert "Subject: Final" in page
    assert '"body":"Tor! ⚽"' in page


def test_without_scripts_the_preview_is_the_whole_page(console: Console) -> None:
    form = console.form() | {"body": "Kept <b>", "title": "Kept too"}
    page = console.page(console.post("/pub/preview", form))
    assert "Kept &lt;b&gt;</textarea>" in page
    assert 'value="Kept too"' in page
    assert form["key"] in page


def test_the_curl_line_publishes_the_same(console: Console, broker: Broker) -> None:
    body = 'It\'s "1:0"\n$HOME `x` \\ ⚽'
    page = preview(console, body=body, title="O'Brien")
    line = page.split('<pre id="curl" tabindex="0" aria-label="curl">')[1].split("</pre>")[0]
    words = shlex.split(line.replace("\\\n", " "))
    assert words[:2] == ["curl", Links(Settings(broker_url=broker.url)).broker("/v1/messages")]
    content = json.loads(words[words.index("-d") + 1])
    assert content == {"category": "sports", "title": "O'Brien", "body": body}
    assert "Idempotency-Key: $(uuidgen)" in words
    assert broker.publish(**content)["id"]


def test_the_same_call_in_other_tongues(console: Console) -> None:
    page = preview(console, body="It's \\ 1:0", title="T")
    assert "headers = {'Idempotency-Key': str(uuid4())}" in page
    assert "requests.post(url, json=message, headers=headers)" in page
    assert '"Idempotency-Key:$(uuidgen)"' in page
    assert "--raw '{" in page
    assert "body='Half past two'" in preview(console, body="Half past two")
    assert "--raw" in preview(console, body="@home")


def test_what_it_takes_is_counted_for_each_channel(console: Console) -> None:
    assert "SMS: 1 segment, GSM-7, 160 units" in preview(console, body="a" * 160)
    page = preview(console, body="⚽" * 71)
    assert "SMS: 2 segments, UCS-2, 71 units" in page
    assert re.search("Push: [0-9]+ of 4,096 bytes", page)
    assert "Cannot be sent like this." in preview(console, body="a" * 5_000)


def test_sending_leads_to_what_became_of_it(console: Console, broker: Broker) -> None:
    answer = console.post("/pub", console.form() | {"body": "Line 1\r\nLine 2", "title": " T "})
    assert answer.status_code == 303
    address = answer.headers["Location"]
    message = broker.done(address.removeprefix("/messages/"))
    assert (message["title"], message["body"]) == ("T", "Line 1\nLine 2")
    page = console.get(address)
    assert 'data-state="done"' in page
    assert "6 deliveries in 3 batches" in page
    assert "2 of 2" in page
    assert page.count('<span class="state delivered">delivered</span>') == 6


def test_sending_a_form_twice_publishes_once(console: Console) -> None:
    form = console.form() | {"body": "Only once"}
    first, second = console.post("/pub", form), console.post("/pub", form)
    assert first.headers["Location"] == second.headers["Location"]


def test_a_form_that_was_changed_after_it_was_sent_gets_a_new_key(console: Console) -> None:
    form = console.form() | {"body": "First"}
    console.post("/pub", form)
    answer = console.post("/pub", form | {"body": "Second"})
    page = unescape(console.page(answer, 422))
    assert "Press Publish again to send this as a message of its own" in page
    assert form["key"] not in page
    assert "Second</textarea>" in page


def test_with_scripts_it_stays_in_place(console: Console) -> None:
    form = console.form() | {"body": "In place"}
    part = console.page(console.post("/pub", form, headers=PART))
    assert part.lstrip().startswith('<article class="card">')
    assert form["key"] not in part
    assert 'data-follow="' in part
    assert re.search('name="key" value="[^"]+" hx-swap-oob="true"', part)
    refused = console.post("/pub", form | {"body": " ", "key": "other"}, headers=PART)
    assert "Not published." in console.page(refused, 422)
    assert 'data-fields="body"' in refused.text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"body": "  "}, "must not be empty"),
        ({"body": "x", "category": "cats"}, "unknown category"),
        ({"body": "x", "title": "t" * 201}, "must have at most 200 characters"),
        ({"body": "x" * 5_000}, "shorten it to at most 4,096"),
    ],
)
def test_a_refusal_keeps_what_was_written(
    console: Console, written: dict[str, str], said: str
) -> None:
    answer = console.post("/pub", console.form() | written)
    page = unescape(console.page(answer, 422))
    assert said in page
    assert f"{written['body']}</textarea>" in page
    assert 'role="alert"' in page


def test_hostile_text_is_shown_literally(console: Console) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&{{7*7}}"
    answer = console.post("/pub", console.form() | {"body": evil, "title": evil[:100]})
    for path in (answer.headers["Location"], "/activity"):
        page = console.http.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert evil in unescape(page) or path == "/activity"


def test_nobody_gets_it(console: Console, broker: Broker) -> None:
    """Not a fault: it is accepted, and done at once."""
    assert "Nobody follows <b>opera</b> on any channel" in preview(console, category="opera")
    answer = console.post("/pub", console.form() | {"body": "Aria", "category": "opera"})
    address = answer.headers["Location"]
    broker.done(address.removeprefix("/messages/"))
    assert "Nobody gets it" in console.get(address)


def test_what_a_plug_in_sends_is_not_promised_to_stay_here(nobody: str) -> None:
    console = Console(nobody, channels=["sms", "whatsapp"])
    assert "log mode, except for your own channel whatsapp" in console.get("/pub", 503)
    console.stop()
