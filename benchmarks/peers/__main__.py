"""`python -m benchmarks.peers`: Notefly and its peers on the same work, in turns, in one table."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.__main__ import write
from benchmarks.machine import commit, machine
from benchmarks.peers import scenarios
from benchmarks.peers.contender import CONTENDERS, Contender
from benchmarks.peers.environments import NotInstalled, environment
from benchmarks.peers.results import Found, verdicts
from benchmarks.peers.session import TooSlow, session
from benchmarks.peers.table import progress, table


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and for how long: bounded, so that everything takes half an hour at most."""

    rounds: int = 3
    a_seconds: float = 10.0
    b_seconds: float = 2.5
    behind_seconds: float = 2.5
    crash_seconds: float = 3.0
    """A crash is given as much work as takes about so long."""


QUICK = Plan(1, 1.0, 1.0, 1.0, 1.0)
LIMIT_SECONDS = 1_800
TROUBLE = (TooSlow, NotInstalled, AssertionError, OSError, RuntimeError, ValueError)
"""What a peer, its server or its installation may come up with: it is told, and others go on."""


def main() -> None:
    asked = _arguments()
    # Whoever ends it, what it started ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM: nothing written"))
    plan = QUICK if asked.quick else Plan(asked.rounds)
    found = [Found(contender) for contender in _chosen(asked.only)]
    for one in found:
        _attempt(one, _install)
    began = time.monotonic()
    try:
        _all(found, plan, until=began + LIMIT_SECONDS)
    finally:
        print(table(found))
    if asked.only or asked.quick:
        print("a part of it, or a quick look: nothing written")
        return
    write(_document(found, round(time.monotonic() - began)), "peers-")


def _all(found: list[Found], plan: Plan, *, until: float) -> None:
    """In turns. When the time is over, what is left of the later rounds is left out."""
    for number in range(plan.rounds):
        for one in found:
            if number and time.monotonic() > until:
                print(f"{LIMIT_SECONDS} s are over: the rest of round {number + 1} is left out")
                return
            _attempt(one, partial(_measure, plan=plan, first=number == 0))


def _install(one: Found) -> None:
    if one.contender.environment is not None:
        environment(one.contender.environment)


def _measure(one: Found, *, plan: Plan, first: bool) -> None:
    """A and B; in the first round also a crash, and small messages beside broadcasts."""
    with session(one.contender) as running:
        one.a.append(scenarios.broadcasts(running, plan.a_seconds))
        print(progress(one, "A"), flush=True)
        one.b.append(scenarios.small(running, plan.b_seconds))
        print(progress(one, "B"), flush=True)
        if first:
            one.crash = scenarios.crash(running, (one.a_per_second or 0.0) * plan.crash_seconds)
    if first and one.contender.log != "none":
        with session(one.contender) as running:
            one.behind = scenarios.behind(running, plan.behind_seconds)


def _attempt(one: Found, do: Callable[[Found], None]) -> None:
    """A contender that could not go on is not tried again."""
    if one.why_not:
        return
    try:
        do(one)
    except TROUBLE as trouble:
        one.why_not = " ".join(f"{type(trouble).__name__}: {trouble}".split())[:300]
        print(f"{one.contender.key}: {one.why_not}", flush=True)


def _document(found: Iterable[Found], seconds: int) -> dict[str, Any]:
    everybody = list(found)
    return {
        "machine": machine(),
        "commit": commit(),
        "seconds": seconds,
        "contenders": [one.document() for one in everybody],
        "targets": [
            {"what": one.what, "target": one.target, "value": one.value, "met": one.met}
            for one in verdicts(everybody)
        ],
    }


def _chosen(only: list[str] | None) -> list[Contender]:
    """Those whose name or form has one of these in it; everybody when nothing is asked for."""
    words = [word.lower() for word in only or [""]]
    return [one for one in CONTENDERS if any(word in one.key.lower() for word in words)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--only", action="append", help="a part of a name, like `celery` or `batched`; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="one short round; no proof")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turns")
    return parser.parse_args()


if __name__ == "__main__":
    main()
