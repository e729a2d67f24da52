"""Prometheus: durations are observed as they happen, counts are taken from the store when asked.

So the counts survive a restart, and no id ever becomes a label.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from typing_extensions import override

from notefly.domain.delivery import State
from notefly.domain.log import ChannelFigures
from notefly.ports.meter import Meter

CONTENT_TYPE: str = CONTENT_TYPE_LATEST
COMMIT_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
ATTEMPT_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MEMBERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class PrometheusMeter:
    """See `Meter`. It has a registry of its own, so that two of them never meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._commits = Histogram(
            "notefly_commit_seconds",
            "From the beginning of a transaction until it was durable.",
            registry=self._registry,
            buckets=COMMIT_SECONDS,
        )
        self._members = Histogram(
            "notefly_commit_members",
            "Requests and pieces of work that shared a transaction.",
            registry=self._registry,
            buckets=MEMBERS,
        )
        self._attempts = Histogram(
            "notefly_attempt_seconds",
            "One try of batches that were claimed together, on a channel.",
            ["channel"],
            registry=self._registry,
            buckets=ATTEMPT_SECONDS,
        )

    def commit(self, seconds: float, members: int) -> None:
        self._commits.observe(seconds)
        self._members.observe(members)

    def attempt(self, channel: str, seconds: float) -> None:
        self._attempts.labels(channel).observe(seconds)

    def exposition(self, counts: Iterable[Metric]) -> bytes:
        """Everything as OpenMetrics text: what was observed here, and `counts` from the store."""
        registry = CollectorRegistry()
        registry.register(_Fixed([*counts, *self._registry.collect()]))
        return bytes(generate_latest(registry))  # type: ignore[no-untyped-call] # theirs


class _Fixed(Collector):
    """Metrics that are known already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    @override
    def collect(self) -> Iterable[Metric]:
        return self._metrics


def counts(
    accepted: int,
    subscribers: int,
    ended: Mapping[tuple[str, State], int],
    channels: Sequence[ChannelFigures],
    now: datetime,
) -> Iterator[Metric]:
    """What the store counts, as metrics."""
    messages = CounterMetricFamily("notefly_messages_accepted", "Messages ever accepted.")
    messages.add_metric([], accepted)
    yield messages
    yield GaugeMetricFamily("notefly_subscribers", "Subscribers, without erased.", subscribers)
    deliveries = CounterMetricFamily(
        "notefly_deliveries", "Deliveries that ended, by how.", labels=["channel", "state"]
    )
    for (channel, state), number in sorted(ended.items()):
        deliveries.add_metric([channel, state.value], number)
    yield deliveries
    yield from _queue(channels, now)


def _queue(channels: Sequence[ChannelFigures], now: datetime) -> Iterator[Metric]:
    batches = GaugeMetricFamily(
        "notefly_queue_batches", "Batches that are not finished.", labels=["channel", "state"]
    )
    waiting = GaugeMetricFamily(
        "notefly_queue_deliveries", "Deliveries that have not ended.", labels=["channel"]
    )
    oldest = GaugeMetricFamily(
        "notefly_queue_oldest_age_seconds",
        "How long the oldest unfinished batch has waited.",
        labels=["channel"],
    )
    paused = GaugeMetricFamily(
        "notefly_channel_paused", "1 while the channel is held back.", labels=["channel"]
    )
    for one in channels:
        numbers = {"ready": one.ready, "in_flight": one.in_flight, "retrying": one.retrying}
        for state, number in numbers.items():
            batches.add_metric([one.channel, state], number)
        waiting.add_metric([one.channel], one.deliveries_open)
        age = (now - one.oldest_at).total_seconds() if one.oldest_at else 0.0
        oldest.add_metric([one.channel], max(0.0, age))
        paused.add_metric([one.channel], one.paused)
    yield from (batches, waiting, oldest, paused)


def _meets(meter: PrometheusMeter) -> Meter:
    return meter
