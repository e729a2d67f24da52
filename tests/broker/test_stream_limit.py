"""So many event streams for each caller."""

from collections.abc import Callable

import pytest

from notefly.broker.problems import TooManyRequests
from notefly.broker.streaming import AGAIN_SECONDS, StreamLimit
from tests.broker.service import Broker


def test_each_caller_has_their_own() -> None:
    limit = StreamLimit(2)
    for _ in range(2):
        limit.enter("ann")
    limit.enter("bob")
    with pytest.raises(TooManyRequests, match="2 event streams are open already") as refused:
        limit.enter("ann")
    assert refused.value.retry_after_seconds == AGAIN_SECONDS
    limit.leave("ann")
    limit.enter("ann")


def test_without_one_there_are_as_many_as_come() -> None:
    limit = StreamLimit(None)
    for _ in range(1_000):
        limit.enter("ann")


def test_through_http(start: Callable[..., Broker]) -> None:
    broker = start(stream_limit=2)
    stream = {"Accept": "text/event-stream"}
    with broker.stream("/v1/events"):
        with broker.stream("/sub"):
            for path in ("/v1/events", "/sub"):
                refused = broker.call("GET", path, headers=stream)
                assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
                assert refused.headers["Retry-After"] == str(AGAIN_SECONDS)
            assert broker.http.head("/v1/events").status_code == 200
            assert broker.call("GET", "/v1/messages").status_code == 200
        assert _opens(broker)


def _opens(broker: Broker) -> bool:
    """The broker may hear a little later that somebody has hung up."""
    for _ in range(1_000):
        with broker.http.stream("GET", "/v1/events") as response:
            if response.status_code == 200:
                return True
            assert response.status_code == 429
    return False
