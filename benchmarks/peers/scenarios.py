"""The workloads: a broadcast, many small messages, a small one behind a broadcast, and a crash."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import percentile
from benchmarks.peers import processes
from benchmarks.peers.noop import PEOPLE
from benchmarks.peers.session import FEW, Session
from benchmarks.peers.work import CHANNELS, Lot

MANY = 10_000
DRAIN_SECONDS = 20.0
PUBLISH_SECONDS = 30.0
EVERY_SECONDS = 0.1
"""Between small messages, and between looks at a log of other processes, which tell nothing."""
QUIET_SECONDS = 12.0
RECOVER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Speed:
    """What a run came to."""

    deliveries: int
    seconds: float
    processor_seconds: float
    peak_bytes: int
    missing: int
    """Published, and not in the log when the time to wait was over."""

    @property
    def per_second(self) -> float:
        return self.deliveries / self.seconds


@dataclass(frozen=True, slots=True)
class Behind:
    """Small messages beside broadcasts: `late` of `n` were not delivered when nobody waited on."""

    p99_seconds: float
    n: int
    late: int


@dataclass(frozen=True, slots=True)
class Crash:
    """What became of `deliveries` when the worker was killed at half of them."""

    deliveries: int
    lost: int
    doubled_calls: int
    doubled_rows: int
    interrupted: int | None
    seconds: float


def broadcasts(session: Session, seconds: float) -> Speed:
    """A: messages to 10,000 people, one after the other."""
    return _pressed(session, seconds, _slices(session))


def small(session: Session, seconds: float) -> Speed:
    """B: messages to ten people, 10,000 of them unless the time is over before."""
    at_once = session.contender.slice // (FEW * CHANNELS)
    groups = ([session.allot(FEW) for _ in range(at_once)] for _ in range(MANY // at_once))
    return _pressed(session, seconds, groups)


def _slices(session: Session) -> Iterator[list[Lot]]:
    people = session.contender.slice // CHANNELS
    while True:
        lot = session.allot(PEOPLE)
        for first in range(0, PEOPLE, people):
            yield [Lot(lot.message, first, first + people)]


def _pressed(session: Session, seconds: float, groups: Iterator[list[Lot]]) -> Speed:
    """Published as fast as it is delivered, for so long, and then until the last is recorded."""
    start = session.first_free
    spent = processes.processor_seconds(session.processes())
    began = time.monotonic()
    published = 0
    with processes.Peak(session.processes) as memory:
        while (left := _left(session, start, published, began, seconds)) > 0:
            if (group := next(groups, None)) is None:
                break
            room = session.contender.ahead - sum(lot.size for lot in group)
            if not session.wait(start, published - room, left):
                break
            session.publisher.tell(group)
            session.publisher.answer(PUBLISH_SECONDS)
            published += sum(lot.size for lot in group)
        ended = session.wait_logged(start, published, DRAIN_SECONDS) or time.monotonic()
    spent = processes.processor_seconds(session.processes()) - spent
    logged = session.logged(start)
    return Speed(logged, ended - began, spent, memory.most, published - logged)


def _left(session: Session, start: int, published: int, began: float, seconds: float) -> float:
    """How long to go on publishing, if what is under way shall be delivered within the time."""
    now = time.monotonic()
    done = session.done(start)
    drain = (published - done) / done * (now - began) if done else 0.0
    return began + seconds - now - drain


def behind(session: Session, seconds: float) -> Behind:
    """From asking for a small message to the last of its 20 rows, while broadcasts go out."""
    start = session.first_free
    other = session.another_publisher()
    asked: dict[int, float] = {}
    end = time.monotonic() + seconds
    crowd = session.allot(PEOPLE)
    session.publisher.tell([crowd])
    time.sleep(EVERY_SECONDS)
    while time.monotonic() < end:
        due = time.monotonic() + EVERY_SECONDS
        if session.witnessed(crowd):
            session.publisher.answer(PUBLISH_SECONDS)
            crowd = session.allot(PEOPLE)
            session.publisher.tell([crowd])
        lot = session.allot(FEW)
        asked[lot.message] = time.time()
        other.tell([lot])
        other.answer(PUBLISH_SECONDS)
        time.sleep(max(0.0, due - time.monotonic()))
    ended = _ended(session, start, asked, time.monotonic() + seconds)
    now = time.time()
    waits = [ended.get(message, now) - at for message, at in asked.items()]
    return Behind(percentile(waits, 0.99), len(asked), len(asked) - len(ended))


def _ended(session: Session, start: int, asked: dict[int, float], until: float) -> dict[int, float]:
    while True:
        found = session.record.ended(start, FEW * CHANNELS)
        ended = {message: at for message, at in found.items() if message in asked}
        if len(ended) == len(asked) or time.monotonic() > until:
            return ended
        time.sleep(EVERY_SECONDS)


def crash(session: Session, deliveries: float) -> Crash:
    """`kill -9` of the worker when half of the calls were made, then a restart."""
    start = session.first_free
    lots = _work_for(session, deliveries)
    total = sum(lot.size for lot in lots)
    session.publisher.tell(lots)
    session.wait(start, total // 2, DRAIN_SECONDS)
    session.kill()
    if session.worker is not None:
        session.publisher.answer(PUBLISH_SECONDS)
    began = time.monotonic()
    session.restart()
    _settled(session, start, total)
    took = time.monotonic() - began
    logged = session.logged(start)
    kept = session.contender.log != "none"
    distinct = session.record.distinct(start) if kept else logged
    return Crash(
        total,
        total - distinct,
        session.witness.again(start, session.first_free),
        logged - distinct,
        session.record.interrupted() if kept else None,
        took,
    )


def _work_for(session: Session, deliveries: float) -> list[Lot]:
    """Whole broadcasts, or a smaller one where even one would take too long."""
    whole = PEOPLE * CHANNELS
    if deliveries >= whole or not session.contender.environment:
        return [session.allot(PEOPLE) for _ in range(max(1, min(25, round(deliveries / whole))))]
    return [session.allot(max(500, int(deliveries) // CHANNELS))]


def _settled(session: Session, start: int, total: int) -> None:
    """All are recorded, or nothing has moved for a while, or it takes too long."""
    end = time.monotonic() + RECOVER_SECONDS
    seen, since = -1, time.monotonic()
    while time.monotonic() < min(end, since + QUIET_SECONDS) and session.worker is not None:
        now = session.logged(start) + session.done(start)
        if now != seen:
            seen, since = now, time.monotonic()
        if session.logged(start) >= total and session.record.distinct(start) >= total:
            return
        time.sleep(EVERY_SECONDS)
