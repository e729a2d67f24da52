"""How much memory another process has; Linux."""

from pathlib import Path

MEBIBYTE = 1 << 20
PAGE = 4_096


def resident(pid: int) -> int:
    """In bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
