"""Many event streams on one broker: what each weighs, and when the last of them has an event."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.audience import Audience, listening
from benchmarks.bench import Bench
from benchmarks.composition import Order
from benchmarks.figures import Figure, NotRun, percentile
from benchmarks.machine import handles
from benchmarks.population import Group
from benchmarks.served import Served, served
from benchmarks.together import LAST_MILLISECONDS, client, ended

ALONE = Group("finance", 1, ("email",))
FEW = Group("movies", 10)
MANY = Group("sports", 100_000)
BATCH = 1_000
CROWDS = (1_000, 5_000)
SMALL_CROWDS = (200, 1_000)
EVENTS = 20
WARM_UP = 3
LAST = 1.2
KILOBYTES = 40.0
PER_SECOND = 20
SPARE_HANDLES = 200
EVENT = (
    'id: 123456\ndata: {"id":123456,"at":"2026-01-31T12:00:00.123456Z","message_id":'
    '"0190163d-8694-739b-aea5-966c26f8ad91","category":"finance","channel":"email",'
    '"state":"delivered","count":1,"delivery_id":'
    '"0190163d-8694-739b-aea5-966c26f8ad91.email.1","subscriber_id":"finance-1"}\n\n'
)
"""As long as the product's."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one server did: the times of its events to the last stream, in milliseconds."""

    last: Sequence[float]
    spread: Sequence[float]
    """From the first stream's receipt to the last's."""
    processor_us: float
    """Of the server, for an event on one stream, without what the event costs by itself."""
    kilobytes: float
    """Of memory, a stream."""


@dataclass(frozen=True, slots=True)
class Round:
    """The product, and raw ASGI that writes the same to as many."""

    product: Side
    raw: Side
    broadcast: Sequence[float]
    small: float
    small_without: float


def crowds(bench: Bench) -> list[Figure]:
    """Of a thousand and of five thousand."""
    figures = []
    for streams in SMALL_CROWDS if bench.rounds == 1 else CROWDS:
        figures += _of(bench, streams)
    return figures


def _of(bench: Bench, streams: int) -> list[Figure]:
    wanted = streams + SPARE_HANDLES
    if (most := handles(wanted)) < wanted:
        raise NotRun(f"{streams} streams want {wanted} file handles, `ulimit -Hn` allows {most}")
    rounds = [_round(bench, streams, turn) for turn in range(bench.rounds)]
    return [
        _last(streams, rounds),
        _memory(streams, rounds),
        _broadcast(streams, rounds),
        _small(streams, rounds),
    ]


def _round(bench: Bench, streams: int, turn: int) -> Round:
    template = bench.shop.template("streams", Order(""), (ALONE, FEW, MANY))
    with bench.shop.fresh(template) as folder, served(Order(str(folder))) as broker:
        without = ended(broker, client(broker, bench.press_seconds, turn, PER_SECOND))
        alone = _without_streams(broker)
        with listening(broker, streams) as audience:
            product = _product(broker, audience, alone)
            broadcast = _told_of_broadcast(broker, audience)
            publishing = client(broker, bench.press_seconds, turn, PER_SECOND)
            small = ended(broker, publishing)
    with bench.shop.fresh() as folder:
        order = Order(str(folder), app="raw-streams", engine=False)
        with served(order) as reference, listening(reference, streams) as audience:
            plain = _raw(reference, audience)
    return Round(product, plain, broadcast, small.last_p99, without.last_p99)


def _product(broker: Served, audience: Audience, alone: float) -> Side:
    return _side(broker, audience, lambda: _published(broker), alone)


def _raw(broker: Served, audience: Audience) -> Side:
    def tell() -> float:
        return float(broker.ask("tell", event=EVENT)["at"])

    return _side(broker, audience, tell, 0.0)


def _published(broker: Served) -> float:
    """When the delivery of a message to one person was durable."""
    return float(broker.ask("publish", category=ALONE.category)["at"])


def _without_streams(broker: Served) -> float:
    """Processor seconds of such a message alone."""
    spent = []
    for _ in range(WARM_UP + EVENTS):
        time.sleep(_gap(0))
        before = _processor(broker)
        _published(broker)
        spent.append(_processor(broker) - before)
    return median(spent[WARM_UP:])


def _processor(broker: Served) -> float:
    return float(broker.ask("processor")["seconds"])


def _side(broker: Served, audience: Audience, tell: Callable[[], float], alone: float) -> Side:
    """One event after the other, each when the one before has reached everybody."""
    last, spread, spent = [], [], []
    for turn in range(WARM_UP + EVENTS):
        time.sleep(_gap(audience.streams))
        before = _processor(broker)
        told_at = tell()
        first, at = audience.heard()
        if turn >= WARM_UP:
            last.append((at - told_at) * 1e3)
            spread.append((at - first) * 1e3)
            spent.append(_processor(broker) - before)
    each = (median(spent) - alone) / audience.streams * 1e6
    return Side(last, spread, each, audience.kilobytes())


def _gap(streams: int) -> float:
    """Longer than the pace of the streams, so that no event waits for the one before."""
    return 0.1 + streams * 0.0001


def _told_of_broadcast(broker: Served, audience: Audience) -> list[float]:
    """From each batch's commit to the last stream, in milliseconds."""
    broker.ask("batches_at")
    rows = MANY.count * len(MANY.channels)
    broker.ask("broadcast", category=MANY.category, rows=rows)
    committed = broker.ask("batches_at")["at"]
    assert len(committed) >= rows // BATCH, len(committed)
    return [(audience.heard()[1] - at) * 1e3 for at in committed]


def _last(streams: int, rounds: Sequence[Round]) -> Figure:
    product = [median(r.product.last) for r in rounds]
    raw = [median(r.raw.last) for r in rounds]
    ratio = median(a / b for a, b in zip(product, raw, strict=True))
    spent = [median(getattr(r, s).processor_us for r in rounds) for s in ("product", "raw")]
    slow = percentile((one for r in rounds for one in r.product.last), 0.99)
    return Figure(
        f"{streams:,} event streams: from an event's commit to the last of them / raw ASGI that "
        "writes the same bytes to as many, p50",
        median(product),
        "ms",
        median(raw),
        ratio,
        f"<= {LAST} x",
        ratio <= LAST,
        len(rounds),
        note=f"p99 {slow:.0f} ms; processor {spent[0]:.1f} us an event and stream, "
        f"raw {spent[1]:.1f}",
        more={"events": EVENTS, "rounds": [asdict(r) for r in rounds]},
    )


def _memory(streams: int, rounds: Sequence[Round]) -> Figure:
    product = median(r.product.kilobytes for r in rounds)
    raw = median(r.raw.kilobytes for r in rounds)
    return Figure(
        f"memory of the broker (PSS) for each of {streams:,} open streams",
        product,
        "kB",
        raw,
        product / raw,
        f"<= {KILOBYTES:.0f} kB",
        product <= KILOBYTES,
        len(rounds),
        note="over the same broker without streams; against: the same server with raw ASGI",
    )


def _broadcast(streams: int, rounds: Sequence[Round]) -> Figure:
    slow = [percentile(r.broadcast, 0.99) for r in rounds]
    return Figure(
        f"{streams:,} event streams, a broadcast of {MANY.count:,} x {len(MANY.channels)}: from a "
        "batch's commit to the last of them, p99",
        median(slow),
        "ms",
        None,
        None,
        "none, it is told",
        met=True,
        n=len(rounds),
        note=f"p50 {median(median(r.broadcast) for r in rounds):.0f} ms; "
        f"{len(rounds[0].broadcast)} batches",
    )


def _small(streams: int, rounds: Sequence[Round]) -> Figure:
    added = median(r.small - r.small_without for r in rounds)
    return Figure(
        f"from a small message's 202 to its last delivery with {streams:,} streams open, p99",
        median(r.small for r in rounds),
        "ms",
        median(r.small_without for r in rounds),
        None,
        f"<= without + {LAST_MILLISECONDS} ms",
        added <= LAST_MILLISECONDS,
        len(rounds),
        note=f"without + {added:.1f} ms; {PER_SECOND}/s, Poisson, log mode",
    )
