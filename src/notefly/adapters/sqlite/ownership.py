"""A data directory belongs to one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from notefly.domain.errors import StoreLocked

LOCK = "notefly.lock"
PATIENCE_SECONDS = 1.0
"""A command that found no broker holds the store for a moment: a broker waits for that."""


@contextmanager
def owning(data_dir: Path, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Until the block ends, however the process ends. Raises StoreLocked.

    A directory that is made here is for its owner only: it holds addresses and secrets.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(data_dir / LOCK)
    try:
        lock.acquire(timeout=patience_seconds)
    except Timeout:
        raise StoreLocked(
            f"another broker is running on {data_dir}: stop it, "
            "or set NOTEFLY_DATA_DIR to another directory"
        ) from None
    try:
        yield
    finally:
        lock.release()
