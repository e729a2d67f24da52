"""Store and queue against the model: anything may happen in any order, crashes included."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import StoreAndQueue
from tests.support.queues import JETSTREAM, REDIS, SKIP_LOCKED, QueueAdapter
from tests.support.server import POSTGRES

ENGINE_LIVES = os.environ.get("NOTEFLY_ENGINE_LIVES", "6")
EXAMPLES, STEPS = (int(n) for n in os.environ.get("NOTEFLY_MACHINE", "2000x50").split("x"))


class TestStoreAndQueue(StoreAndQueue.TestCase):  # type: ignore[misc, valid-type]
    """Short, for every day."""


TestStoreAndQueue.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


ON_POSTGRES = (SKIP_LOCKED, JETSTREAM, REDIS)
"""A cluster of NATS servers is the same adapter with more servers: the contract suite has it."""


@pytest.mark.engines
@pytest.mark.timeout(900)
@pytest.mark.parametrize("queue", ON_POSTGRES, ids=lambda queue: queue.name)
def test_on_servers(queue: QueueAdapter) -> None:
    """The same game where leases and the queue outlive the process.

    `make test-engines`: NOTEFLY_ENGINE_LIVES of thirty steps with each queue.
    """

    class OnServers(StoreAndQueue):
        adapter = POSTGRES
        queues = queue

    run_state_machine_as_test(
        OnServers,
        settings=settings(
            max_examples=int(ENGINE_LIVES),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(3_600)
class TestStoreAndQueueForLong(StoreAndQueue.TestCase):  # type: ignore[misc, valid-type]
    """`make machine`: two thousand lives of fifty steps, others each time."""


TestStoreAndQueueForLong.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=False,
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
