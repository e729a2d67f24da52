"""`notefly up` in a process group of its own, as a terminal would run it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2

PATIENCE_SECONDS = 20.0
STOP_SECONDS = 10.0
Ports = tuple[int, int]


class Up:
    """The command, on ports of its own; `settings` are further variables.

    What it writes to stderr goes to a file, so that no pipe that nobody reads holds it up.
    """

    def __init__(self, folder: Path, ports: Ports, **settings: str) -> None:
        self._said = ""
        self._words = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `end`
        broker, client = ports
        environ = {"NOTEFLY_BROKER_PORT": str(broker), "NOTEFLY_CLIENT_PORT": str(client)}
        self.broker_url, self.client_url = (
            f"http://localhost:{broker}",
            f"http://localhost:{client}",
        )
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "notefly", "up"],
            cwd=folder,
            env=os.environ | environ | settings,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            start_new_session=True,
        )
        self.http = httpx2.Client(base_url=self.client_url, timeout=PATIENCE_SECONDS)

    def box(self) -> str:
        """What it prints when everything is ready."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("╰"):
                break
        return "".join(lines)

    def interrupt(self) -> int:
        """Ctrl-C reaches the whole group; the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def children(self) -> list[int]:
        """Process ids, by the kernel's own list."""
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def child(self, name: str) -> int:
        """The service of that name."""
        (found,) = [
            pid
            for pid in self.children()
            if name in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        ]
        return found

    def end(self) -> str:
        """Whatever is left of it; what it wrote to stderr."""
        self.http.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)
        if not self._words.closed:
            self._words.seek(0)
            self._said = self._words.read()
            self._words.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self._said


def free_ports() -> Ports:
    """For broker and client."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
