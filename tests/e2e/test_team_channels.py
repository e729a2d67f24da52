"""A team's own channels on a real broker: nothing else changes, and none of them can hurt it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.service import Broker

PEOPLE = 6
"""With the one that kills its channel among them."""


@pytest.fixture
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Broker]:
    channels = ["sms", *request.param]
    started = Broker(tmp_path / "data", channels=channels, channel_seconds=0.5, channel_memory=256)
    yield started
    assert started.stop() == 0


def everybody(broker: Broker, channel: str, word: str) -> None:
    for number in range(PEOPLE):
        broker.put(
            f"p{number}",
            name="P",
            phone=f"+1202555010{number}",
            addresses={"box": f"{word}-1" if number == 3 else f"box-{number}"},
            categories=["sports"],
            channels=["sms", channel],
        )


@pytest.mark.parametrize("broker", [["whatsapp", "pager"]], indirect=True)
def test_two_classes_add_two_channels(broker: Broker) -> None:
    found = {entry["name"]: entry for entry in broker.get("/v1/channels")["items"]}
    assert found["whatsapp"]["address_kind"] == "phone"
    assert found["pager"]["address_kind"] == "pager_number"
    person: dict[str, Any] = {"name": "Zoe", "phone": "+1 202 555 0123", "categories": ["sports"]}
    refused = broker.call("PUT", "/v1/subscribers/zoe", json=person | {"channels": ["pager"]})
    assert refused.status_code == 422
    broker.put(
        "zoe", **person, addresses={"pager_number": "555 0199"}, channels=["whatsapp", "pager"]
    )
    message = broker.publish(category="sports", body="Goal!")["id"]
    assert broker.done(message)["deliveries"]["by_state"]["delivered"] == 2
    lines = {line["channel"]: line for line in broker.deliveries(message=message)}
    assert lines["whatsapp"]["address"] == "+12025550123"
    assert lines["pager"]["address"].replace(" ", "") == "5550199"
    assert all(broker.get(f"/v1/deliveries/{line['id']}")["rendered"] for line in lines.values())


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("broker", "word"),
    [(["exiting"], "exit"), (["hanging"], "hang"), (["hanging"], "block"), (["hungry"], "eat")],
    indirect=["broker"],
)
def test_one_that_kills_its_process_ends_as_the_only_dead_letter(broker: Broker, word: str) -> None:
    channel = {"exit": "exiting", "hang": "hanging", "block": "hanging", "eat": "hungry"}[word]
    everybody(broker, channel, word)
    message = broker.publish(category="sports", body="Goal!")["id"]
    while broker.get(f"/v1/messages/{message}")["state"] != "done":
        # Meanwhile nothing else suffers: others are published, delivered, and the probe says yes.
        assert broker.http.get("/readyz").status_code == 200
        other = broker.publish(category="movies", body="Premiere")["id"]
        assert broker.done(other)["deliveries"]["total"] == 0
    counts = broker.get(f"/v1/messages/{message}")["deliveries"]
    assert counts["by_state"]["dead"] == 1
    assert counts["by_channel"]["sms"]["delivered"] == PEOPLE
    assert counts["by_channel"][channel]["delivered"] == PEOPLE - 1
    [dead] = broker.deliveries(message=message, state="dead")
    assert (dead["subscriber_id"], dead["reason"]) == ("p3", "poison")
