"""A data directory belongs to one process that writes to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from notefly.domain.errors import StoreLocked

LOCK = "notefly.lock"


@contextmanager
def owned(data_dir: Path) -> Iterator[None]:
    """Make it if need be, and keep it. Raises StoreLocked when a broker is running on it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreLocked(
            f"another broker is running on {data_dir}: stop it, "
            "or set NOTEFLY_DATA_DIR to another directory"
        ) from None
    try:
        yield
    finally:
        lock.release()
