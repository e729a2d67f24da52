"""When something goes wrong here: what is told, and what is not."""

import asyncio
import contextlib
import dataclasses
import json
import logging
from typing import NoReturn

import pytest
import uvicorn
from quart import Response

from notefly.broker.answers import response_of
from notefly.broker.app import BrokerApp
from notefly.broker.body import read_body
from notefly.broker.lean import LeanLane
from notefly.broker.protocol import DeadlineProtocol
from notefly.broker.publishing import publish_one
from notefly.broker.server import InProcessServer, listen
from notefly.domain.errors import CommitUnknown, Unavailable
from notefly.ports.message_store import Publication

HOST = {"Host": "localhost"}
GOAL = {"category": "sports", "body": "x"}


class Full:
    """A store without room."""

    async def accept(self, _publication: Publication) -> NoReturn:
        raise Unavailable("the disk is full", 7)


class Broken:
    """A store with a mistake in it."""

    async def accept(self, _publication: Publication) -> NoReturn:
        raise RuntimeError("the secret path /home/somebody")


class Vague:
    """A store whose server does not say whether it committed."""

    async def accept(self, _publication: Publication) -> NoReturn:
        raise CommitUnknown("the connection was cut while it committed")


def over(app: BrokerApp, store: Full | Broken | Vague) -> None:
    """Both lanes publish into this store."""
    publish = dataclasses.replace(app._lean._publish, messages=store)  # type: ignore[arg-type]
    app._lean = LeanLane(publish)

    async def long_way() -> Response:
        return response_of(await publish_one(publish, await read_body(), None, ""))

    app.view_functions["messages.publish_message"] = long_way


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?dry_run=false"])
async def test_no_room(app: BrokerApp, path: str) -> None:
    over(app, Full())
    response = await app.test_client().post(path, json=GOAL, headers=HOST)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert (await response.get_json())["detail"] == "the disk is full"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?dry_run=false"])
async def test_mistakes_are_logged_not_told(
    app: BrokerApp, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    over(app, Broken())
    with caplog.at_level(logging.ERROR):
        response = await app.test_client().post(path, json=GOAL, headers=HOST)
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in str(await response.get_data())
    assert "secret" in caplog.text


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?dry_run=false"])
async def test_an_unknown_commit_is_left_without_any_answer(app: BrokerApp, path: str) -> None:
    over(app, Vague())
    listener = listen("127.0.0.1", 0, "NOTEFLY_BROKER_PORT")
    server = InProcessServer(
        uvicorn.Config(app, http=DeadlineProtocol, lifespan="off", log_config=None, ws="none")
    )
    serving = asyncio.create_task(server.serve([listener]))
    await server.listening.wait()
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    body = json.dumps(GOAL).encode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    said = b""
    with contextlib.suppress(ConnectionResetError):
        said = await reader.read()
    writer.close()
    server.should_exit = True
    await serving
    assert said == b""
