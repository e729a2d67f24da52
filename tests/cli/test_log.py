"""The log of a service: how much of it there is, and that nobody's address is in it."""

import logging

import pytest

from notefly.cli.preparing import JsonLines, TextLines, discreet


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org",
        "a.d+a@sub.example.co",
        "Jürgen@exämple.org",
        "ada%40example.org",
        "%2B12025550123",
        "+12025550123",
        "+1 202 555 0123",
        "+1 (202) 555-0123",
        "+44.20.7946.0018",
    ],
)
@pytest.mark.parametrize("around", ["{}", "to {}.", "<{}>", "'{}'", "x={}, y", '"{}"', "mailto:{}"])
def test_addresses_are_masked(address: str, around: str) -> None:
    assert discreet(around.format(address)) == around.format("****")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00+00:00",
        "took 1+2 ms, retry after +30 s",
        "broker: http://127.0.0.1:5001 is ready",
        "0190f3c4-8d1c-7000-8000-000000000000.sms.1",
        "me@localhost",
        "@override at line 7",
    ],
)
def test_everything_else_is_left(text: str) -> None:
    assert discreet(text) == text


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
def test_errors_are_masked_too(formatter: logging.Formatter) -> None:
    error = RuntimeError("nobody is called zoe@example.org")
    record = logging.LogRecord(
        "n", logging.ERROR, "f", 1, "failed for %s", ("+12025550123",), (type(error), error, None)
    )
    line = formatter.format(record)
    assert "RuntimeError: nobody is called ****" in line
    assert "failed for ****" in line
    assert "zoe" not in line
