"""A team's own channels on a real broker: nothing else changes, and none of them can hurt it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.broker.service import Api
from tests.e2e import house
from tests.e2e.house import House, many_marks

CHANNELS = ("sms", "whatsapp", "pager", "exiting", "hanging", "hungry")
PEOPLE = 6
"""With the one that kills its channel among them."""
Opens = Callable[..., AbstractContextManager[House]]


@pytest.fixture(scope="module", params=[house.embedded, pytest.param(house.many, marks=many_marks)])
def team(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Channels of their own on every broker and worker, each with little time and memory."""
    opens: Opens = request.param
    folder = tmp_path_factory.mktemp("team") / "house"
    with opens(folder, channels=CHANNELS, channel_seconds=0.5, channel_memory=256) as opened:
        yield opened


def everybody(api: Api, channel: str, word: str) -> None:
    for number in range(PEOPLE):
        api.put(
            f"p{number}",
            name="P",
            phone=f"+1202555010{number}",
            addresses={"box": f"{word}-1" if number == 3 else f"box-{number}"},
            categories=["sports"],
            channels=["sms", channel],
        )


def test_two_classes_add_two_channels(team: House) -> None:
    found = {entry["name"]: entry for entry in team.here.get("/v1/channels")["items"]}
    assert found["whatsapp"]["address_kind"] == "phone"
    assert found["pager"]["address_kind"] == "pager_number"
    person: dict[str, Any] = {"name": "Zoe", "phone": "+1 202 555 0123", "categories": ["sports"]}
    refused = team.here.call("PUT", "/v1/subscribers/zoe", json=person | {"channels": ["pager"]})
    assert refused.status_code == 422
    team.here.put(
        "zoe", **person, addresses={"pager_number": "555 0199"}, channels=["whatsapp", "pager"]
    )
    message = team.there.publish(category="sports", body="Goal!")["id"]
    assert team.here.done(message)["deliveries"]["by_state"]["delivered"] == 2
    lines = {line["channel"]: line for line in team.here.deliveries(message=message)}
    assert lines["whatsapp"]["address"] == "+12025550123"
    assert lines["pager"]["address"].replace(" ", "") == "5550199"
    assert all(team.here.get(f"/v1/deliveries/{line['id']}")["rendered"] for line in lines.values())


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("channel", "word"),
    [("exiting", "exit"), ("hanging", "hang"), ("hanging", "block"), ("hungry", "eat")],
)
def test_one_that_kills_its_process_ends_as_the_only_dead_letter(
    team: House, channel: str, word: str
) -> None:
    everybody(team.here, channel, word)
    message = team.there.publish(category="sports", body="Goal!")["id"]
    while team.here.get(f"/v1/messages/{message}")["state"] != "done":
        # Meanwhile nothing else suffers: others are published, delivered, and the probe says yes.
        assert team.here.http.get("/readyz").status_code == 200
        other = team.there.publish(category="movies", body="Premiere")["id"]
        assert team.here.done(other)["deliveries"]["total"] == 0
    counts = team.here.get(f"/v1/messages/{message}")["deliveries"]
    assert counts["by_state"]["dead"] == 1
    assert counts["by_channel"]["sms"]["delivered"] == PEOPLE
    assert counts["by_channel"][channel]["delivered"] == PEOPLE - 1
    [dead] = team.here.deliveries(message=message, state="dead")
    assert (dead["subscriber_id"], dead["reason"]) == ("p3", "poison")
