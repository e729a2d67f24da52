"""What users rely on, told once: on one file, and across two brokers with three workers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest

from tests.broker.service import Api, Json
from tests.e2e.house import House, many_marks

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"categories": ["sports", "finance"], "channels": ["sms", "email"]},
    "ben": {"categories": ["sports"], "channels": ["push"]},
    "chloe": {"categories": ["movies"], "channels": ["email"], "overrides": {"movies": ["sms"]}},
}
SPORTS = {("ada", "sms"), ("ada", "email"), ("ben", "push")}


@pytest.fixture(scope="module", params=["embedded", pytest.param("many", marks=many_marks)])
def house(request: pytest.FixtureRequest) -> House:
    """Everybody is there."""
    opened: House = request.getfixturevalue(request.param)
    for name, choices in PEOPLE.items():
        person(opened.here, name, **choices)
    return opened


def person(api: Api, name: str, **choices: Any) -> None:
    api.put(
        name,
        name=name.title(),
        phone="+12025550123",
        email=f"{name}@example.org",
        push_token=f"token-{name}",
        **choices,
    )


def watch(api: Api, last: str | None = None) -> AbstractContextManager[Iterator[Json]]:
    return api.stream("/v1/events", last)


def ended(events: Iterator[Json], message: str, count: int) -> list[Json]:
    """Reads until that many deliveries of the message have ended; the facts about them."""
    seen: list[Json] = []
    while sum(one["data"]["count"] for one in seen) < count:
        event = next(events)
        if event["data"]["message_id"] == message:
            seen.append(event)
    return seen


def who(api: Api, message: str) -> set[tuple[str, str]]:
    return {(one["subscriber_id"], one["channel"]) for one in api.deliveries(message=message)}


def test_what_is_published_at_one_broker_is_seen_at_the_other(house: House) -> None:
    with watch(house.there) as events:
        message = house.here.publish(category="sports", body="Goal!")["id"]
        facts = ended(events, message, len(SPORTS))
    assert {one["data"]["state"] for one in facts} == {"delivered"}
    for api in (house.here, house.there):
        found = api.done(message)
        assert found["deliveries"]["total"] == len(SPORTS)
        assert who(api, message) == SPORTS


def test_three_subscribers_with_different_choices(house: House) -> None:
    expected = {"finance": {("ada", "sms"), ("ada", "email")}, "movies": {("chloe", "sms")}}
    for category, audience in expected.items():
        message = house.there.publish(category=category, body=f"news of {category}")["id"]
        house.here.done(message)
        assert who(house.here, message) == audience


def test_a_choice_that_was_changed_at_one_broker_holds_at_the_other(house: House) -> None:
    person(house.here, "dan", categories=["movies"], channels=["push"])
    first = house.there.publish(category="movies", body="with Dan")["id"]
    house.there.call(
        "PUT",
        "/v1/subscribers/dan/preferences",
        json={"categories": [], "channels": ["push"], "overrides": {}},
    )
    second = house.here.publish(category="movies", body="without Dan")["id"]
    for message in (first, second):
        house.here.done(message)
    assert ("dan", "push") in who(house.there, first)
    assert who(house.there, second) == {("chloe", "sms")}


def test_a_key_gives_the_same_message_at_either_broker(house: House) -> None:
    key, content = f"order-{uuid4()}", {"category": "sports", "body": "once"}
    first = house.here.publish(key, **content)
    assert house.there.publish(key, **content)["id"] == first["id"]
    refused = house.there.call(
        "POST", "/v1/messages", json=content | {"body": "twice"}, headers={"Idempotency-Key": key}
    )
    assert refused.status_code == 422


def test_a_dead_letter_is_replayed_at_the_other_broker(house: House) -> None:
    """A pager that is switched off refuses; its number is mended, and the letter sent again."""
    profile = {"name": "Eve", "categories": ["finance"], "channels": ["pager"]}
    house.here.put("eve", **profile, addresses={"pager_number": "0000"})
    message = house.here.publish(category="finance", body="to a pager")["id"]
    house.here.done(message)
    [dead] = [one for one in house.there.pages("/v1/dead-letters") if one["message_id"] == message]
    assert (dead["subscriber_id"], dead["state"]) == ("eve", "dead")
    house.there.put("eve", **profile, addresses={"pager_number": "1234"})
    with watch(house.here) as events:
        assert house.there.call("POST", f"/v1/deliveries/{dead['id']}/replay").status_code == 202
        [fact] = ended(events, message, 1)
    assert fact["data"]["state"] == "delivered"
    story = house.here.get(f"/v1/deliveries/{dead['id']}")
    assert (story["state"], story["round"]) == ("delivered", 2)
    house.here.call("DELETE", "/v1/subscribers/eve")


def test_a_paused_channel_waits_for_the_other_broker_to_resume_it(house: House) -> None:
    assert house.here.call("POST", "/v1/channels/push/pause").json()["paused"]
    channels = {one["name"]: one for one in house.there.pages("/v1/channels")}
    assert channels["push"]["paused"]
    with watch(house.here) as events:
        message = house.there.publish(category="sports", body="half of it waits")["id"]
        assert {one["data"]["channel"] for one in ended(events, message, 2)} == {"sms", "email"}
        assert house.here.get(f"/v1/messages/{message}")["state"] == "delivering"
        house.there.call("POST", "/v1/channels/push/resume")
        [last] = ended(events, message, 1)
    assert (last["data"]["channel"], last["data"]["state"]) == ("push", "delivered")


def test_what_was_cancelled_at_the_other_broker_is_not_delivered(house: House) -> None:
    house.here.call("POST", "/v1/channels/push/pause")
    with watch(house.there) as events:
        message = house.here.publish(category="sports", body="never mind")["id"]
        ended(events, message, 2)
        assert house.there.call("POST", f"/v1/messages/{message}/cancel").status_code == 200
        house.there.call("POST", "/v1/channels/push/resume")
    states = house.here.done(message)["deliveries"]["by_state"]
    assert (states["delivered"], states["cancelled"]) == (2, 1)


def test_events_have_the_same_ids_at_both_brokers_in_the_order_of_commits(house: House) -> None:
    with watch(house.here) as here, watch(house.there) as there:
        for broker in (house.here, house.there) * 5:
            broker.publish(category="sports", body="one of many")
        for broker in (house.here, house.there) * 5:
            house.here.done(broker.publish(category="finance", body="one by one")["id"])
        heard = [list(islice(events, 20)) for events in (here, there)]
    assert heard[0] == heard[1]
    ids = [int(event["id"]) for event in heard[0]]
    assert ids == list(range(ids[0], ids[0] + len(ids))), "none is left out"
    with watch(house.there, last=str(ids[9])) as again:
        assert list(islice(again, 10)) == heard[0][10:]
