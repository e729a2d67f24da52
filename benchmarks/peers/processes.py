"""What processes and all their children use up, and how they are killed. Linux only."""

import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.5
"""Between looks at memory; what it peaks at between two of them is missed."""


def family(roots: Iterable[int]) -> list[int]:
    """These processes and all that descend from them, parents first."""
    children = defaultdict(list)
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if fields := _stat(pid):
            children[int(fields[1])].append(pid)
    found = list(roots)
    for pid in found:
        found.extend(children[pid])
    return found


def processor_seconds(roots: Iterable[int]) -> float:
    """Of the family so far; those that ended and were waited for are counted with their parents."""
    stats = filter(None, map(_stat, family(roots)))
    return sum(sum(int(ticks) for ticks in fields[11:15]) for fields in stats) / TICKS


def proportional_bytes(roots: Iterable[int]) -> int:
    """Memory (PSS): what several share is counted once, in parts."""
    return sum(map(_pss, family(roots)))


def kill(roots: Iterable[int]) -> None:
    """`kill -9` of the family; what comes into being meanwhile too."""
    for _ in range(3):
        for pid in family(roots):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Peak:
    """The most memory that a family has while somebody is in here."""

    def __init__(self, roots: Callable[[], list[int]]) -> None:
        self._roots = roots
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self.most = 0

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.most = max(self.most, proportional_bytes(self._roots()))


def _stat(pid: int) -> list[str] | None:
    """The fields after the name: state, parent, …; user and system time are 11 to 14."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
