"""Store and queue against the model: anything may happen in any order, crashes included."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.model.machine import StoreAndQueue

EXAMPLES, STEPS = (int(n) for n in os.environ.get("NOTEFLY_MACHINE", "2000x50").split("x"))


class TestStoreAndQueue(StoreAndQueue.TestCase):  # type: ignore[misc, valid-type]
    """Short, for every day."""


TestStoreAndQueue.settings = settings(
    max_examples=30,
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
