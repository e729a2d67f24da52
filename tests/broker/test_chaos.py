"""/v1/chaos: trouble on purpose, off by default, and never where something may really be sent."""

from collections.abc import Callable

import pytest

from tests.broker.service import Broker, Json, assert_problem, pointers

REST = {"failure_rate": 0, "refusal_rate": 0, "timeout_rate": 0, "latency_seconds": 0}
ADA = {
    "name": "Ada",
    "phone": "+12025550123",
    "email": "ada@example.org",
    "categories": ["sports"],
    "channels": ["sms", "email"],
}


def turn(broker: Broker, **channels: Json) -> Json:
    response = broker.call("PUT", "/v1/chaos", json={"channels": channels})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_off_by_default(shared: Broker) -> None:
    told = shared.get("/v1/chaos")
    assert (told["on"], told["possible"], told["obstacle"]) == (False, True, None)
    assert told["channels"] == {"email": REST, "push": REST, "sms": REST}
    assert shared.get("/v1/stats")["chaos"] == []


def test_dead_letters_while_it_is_on_and_their_replay_after_it(
    start: Callable[..., Broker],
) -> None:
    broker = start()
    broker.put("ada", **ADA)
    told = turn(broker, sms={"refusal_rate": 1})
    assert told["on"]
    assert told["channels"]["sms"] == REST | {"refusal_rate": 1}
    assert told == broker.get("/v1/chaos")
    assert broker.get("/v1/stats")["chaos"] == ["sms"]
    accepted = broker.publish(category="sports", body="Goal!")
    found = broker.done(accepted["id"])
    assert found["deliveries"]["by_channel"]["sms"]["dead"] == 1
    assert found["deliveries"]["by_channel"]["email"]["delivered"] == 1
    [letter] = broker.pages("/v1/dead-letters")
    assert letter["detail"].startswith("chaos: ")
    assert turn(broker)["on"] is False
    broker.call("POST", "/v1/dead-letters/replay", json={})
    assert broker.done(accepted["id"])["deliveries"]["by_state"]["delivered"] == 2


def test_retries_by_a_time_out_and_an_end_by_a_restart(start: Callable[..., Broker]) -> None:
    broker = start()
    broker.put("ada", **ADA)
    turn(broker, sms={"failure_rate": 1}, email={"latency_seconds": 0.01})
    accepted = broker.publish(category="sports", body="Goal!")
    with broker.stream("/v1/events", message=accepted["id"], last="0") as events:
        facts = [next(events)["data"] for _ in "12"]
    states = {(fact["channel"], fact["state"]) for fact in facts}
    assert states == {("sms", "retrying"), ("email", "delivered")}
    broker.stop()
    again = start()
    assert again.get("/v1/chaos")["on"] is False
    assert again.done(accepted["id"])["deliveries"]["by_state"]["delivered"] == 2


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["/channels"]),
        ({"channels": {"fax": {}}}, ["/channels/fax"]),
        ({"channels": {"sms": {"failure": 1}}}, ["/channels/sms/failure"]),
        ({"channels": {"sms": {"failure_rate": 2}}}, ["/channels/sms/failure_rate"]),
        ({"channels": {"sms": {"failure_rate": "1"}}}, ["/channels/sms/failure_rate"]),
        (
            {"channels": {"sms": {"failure_rate": 0.6, "refusal_rate": 0.6}}},
            ["/channels/sms/refusal_rate"],
        ),
        ({"channels": {"sms": {"latency_seconds": 60}}}, ["/channels/sms/latency_seconds"]),
    ],
)
def test_what_the_dials_cannot_do(shared: Broker, body: Json, where: list[str]) -> None:
    response = shared.call("PUT", "/v1/chaos", json=body)
    assert response.status_code == 422
    assert pointers(response) == where
    assert shared.get("/v1/chaos")["on"] is False


def test_refused_beside_a_channel_that_may_really_send(start: Callable[..., Broker]) -> None:
    broker = start(channels=["sms", "parrot"])
    told = broker.get("/v1/chaos")
    assert (told["on"], told["possible"]) == (False, False)
    response = broker.call("PUT", "/v1/chaos", json={"channels": {"sms": {"failure_rate": 1}}})
    assert response.status_code == 409
    said = assert_problem(response)["detail"]
    assert said == told["obstacle"]
    assert said.startswith("chaos is for log mode only, and parrot may really send: ")
