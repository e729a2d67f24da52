"""Settings about who is reached and let in: a key that is none, and where the console listens."""

from pathlib import Path

import pytest

from notefly.config import DEFAULT_RATE_LIMIT, DEFAULT_STREAM_LIMIT, Settings, SettingsInvalid, load
from tests.config.test_load import KEY


@pytest.mark.parametrize("wrong", ["canary", f"{KEY}0", f"Bearer {KEY}", KEY.upper()])
def test_a_key_that_is_none_is_refused_and_not_repeated(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load({"NOTEFLY_API_KEY": wrong}, tmp_path)
    said = str(caught.value)
    assert said.startswith("NOTEFLY_API_KEY must be a key as `notefly keys create` prints it")
    assert wrong not in said


@pytest.mark.parametrize(
    ("host", "console"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
        ("192.168.0.7", "127.0.0.1"),
        ("::", "127.0.0.1"),
    ],
)
def test_the_console_listens_to_this_machine_only(host: str, console: str) -> None:
    assert Settings(host=host).client_host == console


@pytest.mark.parametrize(
    ("host", "asked", "policy"),
    [
        ("127.0.0.1", "", None),
        ("127.0.0.1", "600/minute", "600/minute"),
        ("127.0.0.1", "off", None),
        ("0.0.0.0", "", DEFAULT_RATE_LIMIT),
        ("0.0.0.0", "5/SECOND", "5/second"),
        ("0.0.0.0", "off", None),
    ],
)
def test_who_is_reached_from_outside_has_a_rate_limit(
    tmp_path: Path, host: str, asked: str, policy: str | None
) -> None:
    settings = load({"NOTEFLY_HOST": host, "NOTEFLY_RATE_LIMIT": asked}, tmp_path)
    assert settings.rate_limit_in_force == policy


@pytest.mark.parametrize(
    ("host", "asked", "most"),
    [
        ("127.0.0.1", "", None),
        ("127.0.0.1", "3", 3),
        ("0.0.0.0", "", DEFAULT_STREAM_LIMIT),
        ("0.0.0.0", "10000", 10_000),
    ],
)
def test_who_is_reached_from_outside_has_a_limit_of_streams(
    tmp_path: Path, host: str, asked: str, most: int | None
) -> None:
    settings = load({"NOTEFLY_HOST": host, "NOTEFLY_STREAM_LIMIT": asked}, tmp_path)
    assert settings.stream_limit_in_force == most
