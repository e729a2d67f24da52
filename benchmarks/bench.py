"""What every scenario is given: where to work, how often, and for how long."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.composition import Order
from benchmarks.machine import ROOT
from benchmarks.population import Group, Workshop

SPORTS = Group("sports", 500_000)
MOVIES = Group("movies", 10)
FINANCE = Group("finance", 5_000)
CROWD = (SPORTS, MOVIES, FINANCE)
BROADCAST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of everything."""

    shop: Workshop
    rounds: int = 3
    press_seconds: int = 4
    storm_seconds: int = 15
    idle_seconds: int = 10

    def crowd(self, order: Order) -> Any:
        """A fresh store with half a million people in sports, ten in movies, 5,000 in finance."""
        return self.shop.fresh(self.shop.template(order.channels, order, CROWD))


def reference(do: str, **what: Any) -> Mapping[str, Any]:
    """See `reference.py`; in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reference", json.dumps({"do": do, **what})]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
