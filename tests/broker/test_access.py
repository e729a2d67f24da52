"""Who may call what: every route and method that the app knows, with every kind of key."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from quart import Response

from notefly.application.keys import Keys
from notefly.bootstrap import make_container
from notefly.broker.answers import CONNECTION
from notefly.broker.app import BrokerApp, create_app
from notefly.broker.lifecycle import Lifecycle
from notefly.config import Settings
from notefly.domain.access import Scope, spell
from tests.broker.lines import OpenLine

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OPEN: frozenset[str] = frozenset()
PUBLISH, READ = frozenset({"publish"}), frozenset({"read"})
PEOPLE, ADMIN = frozenset({"subscribers"}), frozenset({"admin"})
READ_PEOPLE = READ | PEOPLE
PERSON = "/v1/subscribers/<subscriber_id>"
EXPECTED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "/v1/messages": {"POST": PUBLISH, "GET": READ},
    "/v1/messages/<message_id>": {"GET": READ},
    "/v1/messages/<message_id>/cancel": {"POST": PUBLISH},
    "/v1/deliveries": {"GET": READ},
    "/v1/deliveries/<delivery_id>": {"GET": READ},
    "/v1/deliveries/<delivery_id>/replay": {"POST": ADMIN},
    "/v1/dead-letters": {"GET": READ},
    "/v1/dead-letters/replay": {"POST": ADMIN},
    "/v1/subscribers": {"POST": PEOPLE, "GET": READ_PEOPLE},
    PERSON: {"GET": READ_PEOPLE, "PUT": PEOPLE, "PATCH": PEOPLE, "DELETE": PEOPLE},
    f"{PERSON}/preferences": {"GET": READ_PEOPLE, "PUT": PEOPLE, "PATCH": PEOPLE},
    f"{PERSON}/test": {"POST": PUBLISH},
    f"{PERSON}/link": {"POST": PEOPLE},
    "/v1/categories": {"GET": READ},
    "/v1/channels": {"GET": READ},
    "/v1/channels/<name>/pause": {"POST": ADMIN},
    "/v1/channels/<name>/resume": {"POST": ADMIN},
    "/v1/stats": {"GET": READ},
    "/v1/chaos": {"GET": READ, "PUT": ADMIN},
    "/v1/queue": {"GET": READ},
    "/v1/queue/history": {"GET": READ},
    "/v1/settings": {"GET": ADMIN},
    "/v1/events": {"GET": READ},
    "/metrics": {"GET": READ},
    "/sub": {"GET": READ, "POST": PEOPLE},
    "/sub/check": {"POST": PEOPLE},
    "/healthz": {"GET": OPEN},
    "/readyz": {"GET": OPEN},
    "/openapi.json": {"GET": OPEN},
    "/docs": {"GET": OPEN},
    "/static/<path:filename>": {"GET": OPEN, "OPTIONS": OPEN},
}
"""Any one of the scopes opens it; without one it is open to everybody. What is not here, fails."""


class Guarded:
    """The application where keys are required, and keys of every kind."""

    def __init__(self, app: BrokerApp, keys: Mapping[str, str]) -> None:
        self.app = app
        self.keys = keys

    async def call(self, method: str, path: str, key: str | None) -> Response:
        headers = {"Host": "localhost", "Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        client = self.app.test_client()
        call = getattr(client, method.lower())
        line = {CONNECTION: OpenLine(asyncio.Queue())}
        answer: Response = await call(path, headers=headers, data=b"{}", scope_base=line)
        return answer


@pytest_asyncio.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    settings = Settings(data_dir=tmp_path / "data", mocks=False, require_keys=True)
    lifecycle = Lifecycle()
    lifecycle.drain()  # Streams end at once.
    container = make_container(settings)
    made = await container.get(Keys)
    keys = {s.value: (await made.create(s.value, frozenset({s})))[1] for s in Scope}
    revoked, keys["revoked"] = await made.create("revoked", frozenset(Scope))
    await made.revoke(revoked.id)
    keys["wrong secret"] = keys["admin"][:-64] + "0" * 64
    keys["unknown"] = spell("f" * 12, bytes(32))
    keys["nonsense"] = "letmein"
    keys["empty"] = ""
    yield Guarded(await create_app(container, settings, lifecycle), keys)
    await container.close()


async def test_every_route_of_the_app_is_expected_here(guarded: Guarded) -> None:
    routed: dict[str, set[str]] = {}
    for rule in guarded.app.url_map.iter_rules():
        routed.setdefault(rule.rule, set()).update(rule.methods or ())
    assert routed == {
        rule: {*methods, *(["HEAD"] if "GET" in methods else [])}
        for rule, methods in EXPECTED.items()
    }


@pytest.mark.parametrize("rule", EXPECTED)
async def test_every_route_and_method_with_every_key(guarded: Guarded, rule: str) -> None:
    calls = 0
    for method in METHODS:
        declared = EXPECTED[rule].get("GET" if method == "HEAD" else method)
        for path in _addresses(rule):
            for name, key in {**guarded.keys, "none": None}.items():
                response = await guarded.call(method, path, key)
                await _is_right(response, declared, name, (method, path, name))
                assert key is None or not key or key not in str(response.headers)
                calls += 1
    assert calls >= len(METHODS) * 10


async def _is_right(
    response: Response, declared: frozenset[str] | None, name: str, told: tuple[str, ...]
) -> None:
    answered = response.status_code
    if declared is None:
        assert answered == 405, told
    elif not declared or name in declared | {"admin"}:
        assert answered not in (401, 403, 405, 500), (told, answered)
    elif name in {*Scope}:
        assert answered == 403, told
        await _says_what_is_missing(response, declared, told[0])
    else:
        assert answered == 401, told
        assert response.headers["WWW-Authenticate"].startswith("Bearer"), told


async def _says_what_is_missing(response: Response, scopes: frozenset[str], method: str) -> None:
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    if method == "HEAD":
        return
    problem = await response.get_json()
    assert (problem["status"], problem["code"]) == (403, "scope-missing")
    assert all(scope in problem["detail"] for scope in scopes)


def _addresses(rule: str) -> list[str]:
    """A path of that rule; a publish goes by the lean lane, and with a query by Quart's."""
    path = rule.replace("<path:filename>", "sub.css")
    for name in ("message_id", "delivery_id", "subscriber_id", "name"):
        path = path.replace(f"<{name}>", "nobody")
    return [path, f"{path}?dry_run=false"] if rule == "/v1/messages" else [path]


async def test_a_dry_run_shows_people_and_needs_read_as_well(guarded: Guarded) -> None:
    for name, answered in (("publish", 403), ("read", 403), ("admin", 422)):
        response = await guarded.call("POST", "/v1/messages?dry_run=true", guarded.keys[name])
        assert response.status_code == answered


async def test_paths_that_are_none_say_nothing_about_keys(guarded: Guarded) -> None:
    for key in (None, *guarded.keys.values()):
        assert (await guarded.call("GET", "/v1/nothing", key)).status_code == 404


async def test_a_route_that_declares_no_access_is_no_service(guarded: Guarded) -> None:
    async def view() -> str:
        return "open to the world"

    guarded.app.add_url_rule("/new", "new", view)
    with pytest.raises(RuntimeError, match="who may call new"):
        guarded.app.check_accesses()
    for key in (None, guarded.keys["admin"]):
        response = await guarded.call("GET", "/new", key)
        assert response.status_code == 500
        assert b"open to the world" not in await response.get_data(as_text=False)


async def test_beyond_loopback_keys_are_wanted_and_names_must_be_listed(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, mocks=False, host="192.0.2.1", allowed_hosts=("notefly.example",)
    )
    container = make_container(settings)
    client = (await create_app(container, settings, Lifecycle())).test_client()
    seen: dict[str, list[int]] = {}
    for host in ("notefly.example", "notefly.example:5001", "192.0.2.1", "other.example"):
        for path in ("/healthz", "/v1/messages"):
            answer = await client.get(path, headers={"Host": host})
            seen.setdefault(host, []).append(answer.status_code)
    await container.close()
    assert seen.pop("other.example") == [421, 421]
    assert list(seen.values()) == [[200, 401]] * 3


async def test_the_document_declares_the_same(guarded: Guarded) -> None:
    document = await (await guarded.call("GET", "/openapi.json", None)).get_json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for rule, methods in EXPECTED.items():
        if rule.startswith("/static"):
            continue
        described = document["paths"][rule.replace("<", "{").replace(">", "}")]
        for method, scopes in methods.items():
            operation = described[method.lower()]
            named = [one["key"] for one in operation["security"] if "key" in one]
            assert {scope for [scope] in named} == scopes, (method, rule)
            assert ({"401", "403"} <= set(operation["responses"])) == bool(scopes)
            assert ({"link": []} in operation["security"]) == rule.startswith("/sub")
