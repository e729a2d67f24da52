"""What every scenario of the scaled-out set-up is given."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmarks.engines.population import Stage
from benchmarks.machine import ROOT
from benchmarks.population import Group

MOVIES = Group("movies", 10)
CHANNELS = 2
CALLED_SHARE = 5
"""One in so many of the people of a broadcast is enough where each is answered for."""


@dataclass(frozen=True)
class EnginesBench:
    """One run of everything."""

    rounds: int = 3
    people: int = 500_000
    press_seconds: int = 4
    small_seconds: int = 15
    stage: Stage = field(default_factory=Stage)

    @property
    def rows(self) -> int:
        """Deliveries of one broadcast."""
        return self.people * CHANNELS

    @cached_property
    def crowd(self) -> str:
        """Many people in sports, ten in movies."""
        return self.stage.template("crowd", [Group("sports", self.people), MOVIES])

    @cached_property
    def called(self) -> str:
        """The same with fewer people: enough where a channel answers for each of them."""
        return self.stage.template("called", [Group("sports", self.called_people), MOVIES])

    @property
    def called_people(self) -> int:
        return self.people // CALLED_SHARE


def plain(do: str, **what: Any) -> Mapping[str, Any]:
    """See `plain.py`; in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engines.plain", json.dumps({"do": do, **what})]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
