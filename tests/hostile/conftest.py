"""One broker process for all of it: whatever was sent, it must not have grown, and end in order."""

from collections.abc import Iterator

import pytest

from tests.broker.service import Broker
from tests.support.memory import MEBIBYTE, resident

GROWTH = 20 * MEBIBYTE
WARM = {"category": "sports", "title": "T", "body": "x" * 1_000}


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("hostile") / "data")
    for number in range(200):
        broker.publish(**WARM)
        broker.put(f"warm-{number}", name="x", email=f"w{number}@example.org")
    before = resident(broker.process.pid)
    yield broker
    grown = resident(broker.process.pid) - before
    assert broker.call("GET", "/healthz").status_code == 200
    assert broker.stop() == 0
    assert grown <= GROWTH, f"the broker grew by {grown / MEBIBYTE:.1f} MiB"
