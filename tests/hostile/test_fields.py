"""What people and programs may write into each field, and what becomes of it."""

import email
import email.policy
from typing import Any
from urllib.parse import quote

import pytest

from tests.broker.service import Broker, Json, ndjson, pointers
from tests.hostile.wire import messages

CONTROLS = [chr(code) for code in (*range(0x20), 0x7F, 0x85, 0x9B, 0x2028, 0x2029)]
"""C0, DEL, two of C1, and what Unicode breaks lines with."""
INJECTED = "x{}Bcc: victim@example.org"
SQL = [
    "'; DROP TABLE message; --",
    '" OR 1=1 --',
    "x' UNION SELECT value FROM meta --",
    "%' ESCAPE '\\",
    "x'); DELETE FROM delivery; --",
    "1; PRAGMA writable_schema = 1",
    "\\",
    "_%",
    "?1",
    ":name @name $name",
    "carray(1)",
]
KEPT = [
    "\u202eevil\u202c \u2066isolated\u2069 \u200f\u200e",  # right to left, overrides, isolates
    "שלום עולם 42 مرحبا",
    "👩\u200d👩\u200d👧\u200d👦 👍🏽 🏳\ufe0f\u200d🌈",  # joined by ZWJ, modified, presented
    "e\u0301 \u00e9 \u1100\u1161 \uac00",  # not normalised: what came is what goes
    "Z\u0351\u036b\u0343a\u0327l\u0310go\u0332",
    "\u200b\ufeff\u2060\u00ad",
    "\U0010fffd\ue000\ufffe",
    "  leading, trailing  and  many   ",
]


def preview(broker: Broker, **content: Any) -> Json:
    response = broker.call("POST", "/v1/messages?dry_run=true", json=content)
    assert response.status_code == 200, response.text
    return dict(response.json())


class TestHeaders:
    """A character that ends a line, or that a terminal obeys, never gets into a header."""

    @pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"{ord(c):04x}")
    def test_titles_and_names(self, target: Broker, control: str) -> None:
        text = INJECTED.format(control)
        message = {"category": "sports", "title": text, "body": "x"}
        for path in ("/v1/messages", "/v1/messages?dry_run=true"):
            assert "/title" in pointers(target.call("POST", path, json=message))
        lines = {"Content-Type": "application/x-ndjson"}
        refused = target.call("POST", "/v1/messages", content=ndjson(message), headers=lines)
        assert "/0/title" in pointers(refused)
        person = {"name": text, "email": "a@example.org"}
        assert "/name" in pointers(target.call("PUT", "/v1/subscribers/controls", json=person))
        target.put("patched", name="x")
        assert "/name" in pointers(
            target.call("PATCH", "/v1/subscribers/patched", json={"name": text})
        )
        test = target.call("POST", "/v1/subscribers/warm-1/test", json={"title": text} | {
            "category": "sports"})  # fmt: skip
        assert "/title" in pointers(test)
        assert target.call("GET", "/v1/subscribers/controls").status_code == 404

    @pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"{ord(c):04x}")
    @pytest.mark.parametrize("field", ["email", "phone", "push_token"])
    def test_addresses(self, target: Broker, field: str, control: str) -> None:
        for value in (f"a{control}b@example.org", f"a@example.org{control}Bcc: b@example.org"):
            sent = {"name": "x", field: value}
            assert target.call("PUT", "/v1/subscribers/nobody", json=sent).status_code == 422
            kind = "phone" if field == "phone" else field
            seen = target.call("POST", "/sub/check", json={"kind": kind, "value": value})
            assert seen.status_code == 200
            assert seen.json()["value"] is None
        assert target.call("GET", "/v1/subscribers/nobody").status_code == 404

    @pytest.mark.parametrize("control", CONTROLS[:32], ids=lambda c: f"{ord(c):04x}")
    def test_idempotency_keys(self, target: Broker, control: str) -> None:
        before = messages(target)
        body = b'{"category":"sports","body":"x"}'
        head = (
            b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        )
        key = b"Idempotency-Key: a" + control.encode() + b"b\r\n\r\n"
        status = int(target.raw(head + key + body).split()[1])
        assert status in (400, 422)
        assert messages(target) == before

    @pytest.mark.parametrize("text", KEPT[:-1])
    def test_whatever_is_kept_makes_one_mail_and_no_more_headers(
        self, target: Broker, text: str
    ) -> None:
        rendered = preview(target, category="sports", title=text, body=text)["rendered"]
        mail = email.message_from_string(rendered["email"]["text"], policy=email.policy.default)
        assert not mail.defects
        assert mail.keys().count("Subject") == 1
        assert "Bcc" not in mail


@pytest.mark.parametrize("text", KEPT)
def test_text_comes_back_as_it_went_in(target: Broker, text: str) -> None:
    title = text.strip()
    accepted = target.publish(category="sports", title=title, body=text)
    shown = target.get(f"/v1/messages/{accepted['id']}")
    assert (shown["title"], shown["body"]) == (title, text)
    target.put("kept", name=title)
    assert target.get("/v1/subscribers/kept")["name"] == title


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 80 + "a", "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("я" * 70, "UCS-2", 70, 1),
        ("я" * 71, "UCS-2", 71, 2),
        ("👍" * 35, "UCS-2", 70, 1),
        ("👍" * 35 + "я", "UCS-2", 71, 2),
        ("я" * 134, "UCS-2", 134, 2),
        ("я" * 135, "UCS-2", 135, 3),
    ],
)
def test_borders_of_segments(
    target: Broker, text: str, encoding: str, units: int, segments: int
) -> None:
    facts = preview(target, category="sports", body=text)["rendered"]["sms"]["facts"]
    assert facts["encoding"].upper().startswith(encoding[:3].upper())
    assert (facts["units"], facts["segments"]) == (units, segments)


class TestSql:
    """SQL is text like any other."""

    @pytest.mark.parametrize("text", SQL)
    def test_in_every_field(self, target: Broker, text: str) -> None:
        accepted = target.publish(key=text.replace(" ", "_"), category="sports", title=text,
            body=text)  # fmt: skip
        assert target.get(f"/v1/messages/{accepted['id']}")["body"] == text
        target.put("sql", name=text)
        assert target.get("/v1/subscribers/sql")["name"] == text
        for message in (
            {"category": text, "body": "x"},
            {"category": "sports", "body": "x", "expires_at": text},
            {"category": "sports", "body": "x", text: 1},
        ):
            assert target.call("POST", "/v1/messages", json=message).status_code == 422
        people: list[Json] = [
            {"name": "x", "email": text},
            {"name": "x", "categories": [text]},
            {"name": "x", "channels": [text]},
            {"name": "x", "overrides": {text: ["sms"]}},
            {"name": "x", "addresses": {text: "x"}},
        ]
        for person in people:
            assert target.call("PUT", "/v1/subscribers/sql", json=person).status_code == 422

    @pytest.mark.parametrize("text", SQL)
    def test_in_every_path_and_query(self, target: Broker, text: str) -> None:
        before = messages(target)
        for template, methods in target.document["paths"].items():
            if "{" not in template:
                continue
            path = template.partition("{")[0] + quote(text, safe="") + template.partition("}")[2]
            for method in methods:
                body = {"json": {"name": "x"}} if method in ("put", "patch") else {}
                found = target.call(method.upper(), path, **body).status_code
                assert found in (404, 422), (method, path)
        for template, methods in target.document["paths"].items():
            for parameter in methods.get("get", {}).get("parameters", ()):
                if parameter["in"] == "query" and template not in ("/sub", "/v1/events"):
                    asked = {parameter["name"]: text}
                    status = target.call("GET", template, params=asked).status_code
                    assert status in (200, 404, 422), (template, asked)
        assert messages(target) == before
