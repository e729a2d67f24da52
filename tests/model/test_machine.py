"""Store and queue against the model: anything may happen in any order, crashes included."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.model.machine import StoreAndQueue
from tests.support.server import POSTGRES

EXAMPLES, STEPS = (int(n) for n in os.environ.get("NOTEFLY_MACHINE", "2000x50").split("x"))


class TestStoreAndQueue(StoreAndQueue.TestCase):  # type: ignore[misc, valid-type]
    """Short, for every day."""


TestStoreAndQueue.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class OnPostgres(StoreAndQueue):
    """The same game on a server, where leases outlive the process."""

    adapter = POSTGRES


@pytest.mark.engines
@pytest.mark.timeout(900)
class TestPostgresAndQueue(OnPostgres.TestCase):  # type: ignore[misc, valid-type]
    """`make test-engines`: NOTEFLY_ENGINE_LIVES of thirty steps."""


TestPostgresAndQueue.settings = settings(
    max_examples=int(os.environ.get("NOTEFLY_ENGINE_LIVES", "15")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
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
