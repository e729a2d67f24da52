"""Trouble on purpose, in log mode: retries and dead letters can be seen at work."""

from typing import Literal

from typing_extensions import TypedDict

from notefly.application.chaos import Chaos
from notefly.broker.answers import Answer, json_answer
from notefly.broker.body import read_json
from notefly.broker.following import FollowEvents
from notefly.broker.injection import Injected
from notefly.broker.reading import Reader
from notefly.broker.requests import ChaosIn
from notefly.broker.routing import ADMIN, READ, Body, Gives, Operation, Routes

ROUTES = Routes("chaos", "Trouble on purpose, in log mode.")
CHAOS = Reader(ChaosIn)
ABOUT = (
    "Channels in log mode misbehave as their dials say: a share of the people is told to wait "
    "(`failure_rate`) or refused for good (`refusal_rate`), a share of the calls gets no answer "
    "(`timeout_rate`), and each answer is late (`latency_seconds`). It concerns this broker's own "
    "process: workers elsewhere deliver as ever. Nothing of it is stored; a restart ends it."
)


class DialsView(TypedDict):
    failure_rate: float
    refusal_rate: float
    timeout_rate: float
    latency_seconds: float


class ChaosView(TypedDict):
    on: bool
    possible: bool
    obstacle: str | None
    ends: Literal["when it is turned off, or the broker restarts"]
    channels: dict[str, DialsView]


@ROUTES.add(
    "GET",
    "/v1/chaos",
    READ,
    Operation("How channels misbehave on purpose", {200: Gives(ChaosView)}, description=ABOUT),
)
async def show_chaos(chaos: Injected[Chaos]) -> Answer:
    return json_answer(_view(chaos))


@ROUTES.add(
    "PUT",
    "/v1/chaos",
    ADMIN,
    Operation(
        "Make channels misbehave on purpose, or stop it",
        {200: Gives(ChaosView)},
        description=f"{ABOUT} All dials are replaced: what is left out comes to rest, and "
        '`{"channels": {}}` ends it. 409 where a channel is configured that may really send.',
        body=Body(ChaosIn),
        errors=(409,),
    ),
)
async def turn_chaos(chaos: Injected[Chaos], follow: Injected[FollowEvents]) -> Answer:
    chaos.turn((await read_json(CHAOS)).dials())
    follow.tell_chaos(chaos.misbehaving)
    return json_answer(_view(chaos))


def _view(chaos: Chaos) -> ChaosView:
    return {
        "on": bool(chaos.misbehaving),
        "possible": not chaos.obstacle,
        "obstacle": chaos.obstacle or None,
        "ends": "when it is turned off, or the broker restarts",
        "channels": {name: _dials(chaos, name) for name in sorted(chaos.channels)},
    }


def _dials(chaos: Chaos, name: str) -> DialsView:
    dials = chaos.dials(name)
    return {
        "failure_rate": dials.failure_rate,
        "refusal_rate": dials.refusal_rate,
        "timeout_rate": dials.timeout_rate,
        "latency_seconds": dials.latency_seconds,
    }
