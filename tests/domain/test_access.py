"""Keys and links as values: what opens, what does not, and what is never shown."""

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from notefly.domain.access import (
    ANYBODY,
    CONSOLE,
    ApiKey,
    Link,
    Principal,
    Scope,
    StoredKey,
    digest_of,
    key_id_of,
    key_problems,
    read_link,
    spell,
)
from notefly.domain.errors import ScopeMissing
from notefly.domain.ids import SubscriberId, SubscriberKey

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECRET = b"s" * 32
SPELLED = spell("0123456789ab", bytes(range(32)))
STORED = StoredKey(ApiKey("0123456789ab", "app", frozenset({Scope.READ}), NOON), digest_of(SPELLED))
LINK = Link(SubscriberId("a.b~c@d"), SubscriberKey(7), NOON)


def test_a_key_opens_by_its_own_spelling_until_it_is_revoked() -> None:
    assert STORED.opens_for(SPELLED) == Principal("0123456789ab", frozenset({Scope.READ}))
    assert STORED.opens_for(SPELLED[:-1] + "0") is None
    revoked = replace(STORED, key=replace(STORED.key, revoked_at=NOON))
    assert revoked.opens_for(SPELLED) is None


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "nf_",
        SPELLED[3:],
        SPELLED.upper(),
        f"{SPELLED}\n",
        f"{SPELLED}0",
        SPELLED.replace("nf_0", "nf_\uff10"),
        "nf_short_" + "0" * 64,
        "nf_" + "0" * 13 + "_" + "0" * 64,
    ],
)
def test_what_is_not_spelled_like_a_key_has_no_id(presented: str) -> None:
    assert key_id_of(presented) is None


def test_the_id_is_in_the_spelling() -> None:
    assert key_id_of(SPELLED) == "0123456789ab"
    assert key_id_of(spell(CONSOLE, SECRET)) == CONSOLE


@pytest.mark.parametrize("scope", Scope)
def test_admin_includes_every_scope_and_no_other_does(scope: Scope) -> None:
    Principal("k", frozenset({Scope.ADMIN})).needs([scope])
    ANYBODY.needs([scope])
    for other in {*Scope} - {scope, Scope.ADMIN}:
        with pytest.raises(ScopeMissing, match=f"lacks the scope {scope};"):
            Principal("k", frozenset({other})).needs([scope])


def test_any_of_the_scopes_is_enough() -> None:
    reader = Principal("k", frozenset({Scope.READ}))
    reader.needs([Scope.SUBSCRIBERS, Scope.READ])
    with pytest.raises(ScopeMissing, match="publish or subscribers"):
        reader.needs([Scope.PUBLISH, Scope.SUBSCRIBERS])


@pytest.mark.parametrize(
    ("name", "scopes", "places"),
    [
        ("app", {Scope.READ}, []),
        ("", {Scope.READ}, ["/name"]),
        ("x" * 101, {Scope.READ}, ["/name"]),
        ("a\x1b[31mb", {Scope.READ}, ["/name"]),
        ("\ud800", {Scope.READ}, ["/name"]),
        ("app", set(), ["/scopes"]),
    ],
)
def test_keys_that_cannot_be_made(name: str, scopes: set[Scope], places: list[str]) -> None:
    assert [p.pointer for p in key_problems(name, frozenset(scopes))] == places


def test_a_link_is_read_back_as_it_was_signed() -> None:
    assert read_link(LINK.signed(SECRET), SECRET) == LINK


def test_whatever_was_changed_in_a_link_is_no_link() -> None:
    token = LINK.signed(SECRET)
    assert read_link(token, b"t" * 32) is None
    other = replace(LINK, expires_at=NOON + timedelta(days=1)).signed(SECRET)
    content, _, signature = token.partition(".")
    assert read_link(f"{other.partition('.')[0]}.{signature}", SECRET) is None
    for place in range(len(token)):
        for letter in "Aa0-":
            changed = token[:place] + letter + token[place + 1 :]
            assert read_link(changed, SECRET) in (None, LINK)
    for broken in ("", ".", content, f"{content}.", f".{signature}", "\u00fc.\u00fc", "a.b.c"):
        assert read_link(broken, SECRET) is None


def test_another_use_of_the_same_secret_opens_nothing() -> None:
    """The purpose is signed too."""
    content = f"{int(NOON.timestamp())}.7.ada".encode()
    parts = (content, hmac.digest(SECRET, content, "sha256"))
    token = ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)
    assert read_link(token, SECRET) is None
