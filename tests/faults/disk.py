"""A disk of its own, in a file: ext4 on a loop device, whose power can be cut. Linux, as root.

What was not synced when the power went is gone, as on a real disk. What the device was sent without
a flush is kept: a loop device has no cache of its own to lose.
"""

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
"""Stop at once: what the journal has not committed is lost (include/uapi/linux/ext4.h)."""
COMMANDS = ("mkfs.ext4", "losetup", "mount", "umount")
PATIENCE_SECONDS = 10.0


def needs_loop() -> str:
    """Empty, or why there can be no such disk on this machine."""
    if sys.platform != "linux":
        return "loop-mounted ext4 needs Linux"
    if os.geteuid() != 0:
        return "mounting needs root"
    if missing := [name for name in COMMANDS if shutil.which(name) is None]:
        return f"there is no {', '.join(missing)}"
    free = subprocess.run(["losetup", "--find"], capture_output=True, text=True, check=False)
    return "" if free.returncode == 0 else f"no loop device: {free.stderr.strip()}"


class LoopDisk:
    """`with LoopDisk(root, 64) as disk:` mounts it at `disk.path`; leaves nothing behind."""

    def __init__(self, root: Path, megabytes: int) -> None:
        self.path = root / "disk"
        self._image = root / "disk.ext4"
        self._megabytes = megabytes

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(self._megabytes << 20)
        try:
            # Lazy tables would be written in the background, beside what is tested.
            lazy = "lazy_itable_init=0,lazy_journal_init=0"
            _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", lazy, str(self._image))
            self.mount()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def mount(self) -> None:
        """As after a start of the machine: the journal is replayed."""
        _run("mount", "-t", "ext4", "-o", "loop", str(self._image), str(self.path))

    def unmount(self) -> None:
        """Whoever has a file open on it must be gone, or is given a little time to go."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.path.is_mount():
            try:
                _run("umount", str(self.path))
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def cut(self) -> None:
        """The power goes: nothing is written from here on. Stop the writers first, by `freeze`."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(handle)

    def restart(self) -> None:
        """The power is back. Whoever used the disk must be dead."""
        self.unmount()
        self.mount()

    def _remove(self) -> None:
        if self.path.is_mount():
            try:
                self.unmount()
            except OSError:
                _run("umount", "--lazy", str(self.path))
        self._image.unlink(missing_ok=True)
        self.path.rmdir()


def freeze(processes: Iterable[int]) -> None:
    """SIGSTOP, until every thread stands still: after the cut none may write, or be told it did."""
    pids = list(processes)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(map(_frozen, pids)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all threads of {pids} stopped")
        time.sleep(0.001)


def _frozen(pid: int) -> bool:
    """The state is the first word after the name, which may hold anything but ends with ')'."""
    try:
        stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        # A thread has ended, or all of it.
        return not Path(f"/proc/{pid}").exists()
    return all(stat.rpartition(")")[2].split()[0] in "TtZX" for stat in stats)


def _run(*command: str) -> None:
    """Raises OSError with what the command said."""
    found: Sequence[str] = [shutil.which(command[0]) or command[0], *command[1:]]
    done = subprocess.run(found, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
