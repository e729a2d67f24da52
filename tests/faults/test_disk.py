"""The disk that loses what was not synced, tested before anything is tested with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.disk import LoopDisk, freeze, needs_loop

pytestmark = pytest.mark.skipif(bool(needs_loop()), reason=needs_loop() or "there is a loop device")


def test_a_cut_keeps_what_was_synced_and_loses_the_rest(tmp_path: Path) -> None:
    with LoopDisk(tmp_path, 16) as disk:
        for name in ("synced", "not"):
            (disk.path / name).write_text(name)
            if name == "synced":
                _sync(disk.path / name)
                _sync(disk.path)
        disk.cut()
        disk.restart()
        assert (disk.path / "synced").read_text() == "synced"
        assert not (disk.path / "not").exists()
    assert not list(tmp_path.iterdir())


def test_it_is_taken_away_when_the_test_fails(tmp_path: Path) -> None:
    disk = LoopDisk(tmp_path, 16)
    with pytest.raises(ZeroDivisionError), disk:
        raise ZeroDivisionError
    assert not disk.path.exists()
    assert not list(tmp_path.iterdir())


def test_frozen_is_every_thread(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = (
        "import pathlib, threading\n"
        "threading.Thread(target=lambda: [n for n in iter(int, 1)], daemon=True).start()\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "[n for n in iter(int, 1)]"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            while not ready.exists():
                os.sched_yield()
            freeze([process.pid])
            used = _ticks(process.pid)
            assert used == _ticks(process.pid)
        finally:
            process.kill()


def _ticks(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
