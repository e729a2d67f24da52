"""What the figures were taken on, and how quick its disk is."""

import os
import platform
import resource
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from benchmarks.figures import percentile

ROOT = Path(__file__).parent.parent
SYNCS = 400
PAGE = bytes(4096)


def machine() -> dict[str, Any]:
    """Enough to tell two machines apart."""
    release = platform.release().partition("-")[0]
    return {
        "system": f"{platform.system()} {release}, {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": list(os.getloadavg()),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
    }


def commit() -> str:
    """The short hash of what was measured; `-dirty` when files differ from it."""
    found = _git("rev-parse", "--short", "HEAD")
    return f"{found}-dirty" if _git("status", "--porcelain", "src") else found


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def fdatasync_seconds(folder: Path) -> tuple[float, float]:
    """p50 and p99 of one page appended and made durable."""
    taken = []
    path = folder / "fdatasync"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(PAGE)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    path.unlink()
    return percentile(taken, 0.5), percentile(taken, 0.99)


def resident_bytes(process: int, kind: str = "VmRSS") -> int:
    """`VmRSS` is now, `VmHWM` the most since it was reset."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"/proc/{process}/status has no {kind}")


def proportional_bytes(process: int) -> int:
    """Memory that is its own, and its part of what it shares (`Pss`)."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"/proc/{process}/smaps_rollup has no Pss")


def handles(wanted: int) -> int:
    """Open as many files as `wanted` from now on, or as many as the machine allows: that many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def reset_peak(process: int) -> None:
    """From now on `VmHWM` counts anew (proc(5), clear_refs)."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or ("unknown" if done.returncode else "")
