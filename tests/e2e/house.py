"""The product as a user's services see it: on one file, or as two brokers and three workers."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.broker.service import Api, Broker
from tests.cluster.topology import Cluster, Queue, cluster

CATEGORIES = ("finance", "movies", "sports")
CHANNELS = ("sms", "email", "push", "pager")
many_marks = [pytest.mark.engines, pytest.mark.timeout(120)]
"""Of every test of the cluster: the first one waits until it has started."""


@dataclass(frozen=True, slots=True)
class House:
    """Two addresses of the same product; whatever is said at one is true at the other."""

    here: Api
    there: Api


@dataclass(frozen=True, slots=True)
class ManyHouse(House):
    """As processes; `run` lets the harness act on them."""

    cluster: Cluster
    run: Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def embedded(
    folder: Path, channels: Sequence[str] = CHANNELS, **settings: float
) -> Iterator[House]:
    """One broker on one file: both addresses are its own."""
    broker = Broker(folder, categories=list(CATEGORIES), channels=list(channels), **settings)
    try:
        yield House(broker, broker)
    finally:
        assert broker.stop() == 0


@contextmanager
def many(
    folder: Path, channels: Sequence[str] = CHANNELS, **settings: float
) -> Iterator[ManyHouse]:
    """Two brokers, three workers, PostgreSQL, three NATS servers."""
    chosen = {f"NOTEFLY_{name.upper()}": str(value) for name, value in settings.items()}
    chosen["NOTEFLY_CHANNELS"] = ",".join(channels)
    with asyncio.Runner() as runner:
        running = cluster(folder, Queue.JETSTREAM, categories=CATEGORIES, doors=False, **chosen)
        made = runner.run(running.__aenter__())
        here, there = (Api(f"http://127.0.0.1:{port}") for port in made.ports)
        try:
            yield ManyHouse(here, there, made, runner.run)
        finally:
            here.http.close()
            there.http.close()
            runner.run(running.__aexit__(None, None, None))
