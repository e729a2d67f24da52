"""An environment of its own for each peer, made when it is first needed, pinned by one file."""

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import ROOT

FOLDER = ROOT / ".venv" / "peers"
PINS = Path(__file__).parent / "requirements"
INSTALL_SECONDS = 300


class NotInstalled(Exception):  # noqa: N818 - reads as what happened
    """A peer that cannot be measured here."""


def environment(name: str) -> Path:
    """Its interpreter. Raises NotInstalled."""
    pins = PINS / f"{name}.txt"
    folder = FOLDER / name
    ready = folder / f"ready-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not ready.exists():
        print(f"installing {name} into {folder.relative_to(ROOT)}", flush=True)
        _run(name, sys.executable, "-m", "venv", "--clear", str(folder))
        _run(name, str(python), "-m", "pip", "install", "--quiet", "-r", str(pins))
        ready.touch()
    return python


def _run(name: str, *command: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"{name} was not installed within {INSTALL_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word of why"]
        raise NotInstalled(f"{name} cannot be installed: {said[-1][:200]}")
