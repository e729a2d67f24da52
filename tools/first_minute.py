"""`make first-minute`: a newcomer's way from a clean clone to the first delivery on screen.

    python3 tools/first_minute.py

Clones the last commit, runs `make run` in the clone (which installs everything), publishes by the
form of the console and reads its pages until a delivery is shown. Prints how long each step took,
and fails if all of them took longer than a minute, or NOTEFLY_FIRST_MINUTE_SECONDS. Packages come
from where pip finds them, so a slow network counts; needs nothing but Python, git and make.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

REPOSITORY = Path(__file__).parent.parent
GOAL_SECONDS = float(os.environ.get("NOTEFLY_FIRST_MINUTE_SECONDS", "60"))
LIMIT_SECONDS = 600.0
"""When it is given up, however long the goal is."""
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.02
FORM_KEY = re.compile(r'name="key" value="([^"]+)"')
FORM = {"category": "sports", "title": "", "body": "The first one"}


class Watch:
    """Prints a line for each step, with its own time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = self._last = now()

    @property
    def seconds(self) -> float:
        return self._now() - self._began

    def step(self, what: str) -> None:
        now = self._now()
        print(f"{now - self._last:7.1f} s  {what}", flush=True)
        self._last = now

    def must_go_on(self, what: str) -> None:
        """Raises SystemExit when it took too long."""
        if self.seconds > LIMIT_SECONDS:
            raise SystemExit(f"given up after {LIMIT_SECONDS:g} s: {what}")


def main() -> int:
    """0 if it took less than the goal."""
    with tempfile.TemporaryDirectory(prefix="notefly-first-minute-") as folder:
        clone, watch = Path(folder) / "notefly", Watch()
        command = ["git", "clone", "--quiet", str(REPOSITORY), str(clone)]
        subprocess.run(command, check=True, timeout=LIMIT_SECONDS)  # noqa: S603 - of our own words
        watch.step("git clone")
        broker, client = free_ports()
        with running(clone, broker, client) as process:
            installed(clone, process, watch)
            watch.step("make install, by `make run`")
            until(lambda: get(client, "/pub").status == 200, process, watch, "no page came")
            watch.step("the console is up")
            address = publish(client)
            until(lambda: delivered(client, address), process, watch, "nothing was delivered")
            watch.step("the first delivery is on screen")
    print(f"{watch.seconds:7.1f} s  in all; the goal is {GOAL_SECONDS:g} s")
    return int(watch.seconds > GOAL_SECONDS)


@contextmanager
def running(clone: Path, broker: int, client: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`make run` in a process group of its own; a newcomer's environment has none of ours."""
    ours = ("NOTEFLY_", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKE", "MFLAGS")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ |= {"NOTEFLY_BROKER_PORT": str(broker), "NOTEFLY_CLIENT_PORT": str(client)}
    log = clone.parent / "log"
    with log.open("w") as said:
        process = subprocess.Popen(
            ["make", "run"],  # noqa: S607 - the make that a newcomer has
            cwd=clone,
            env=environ,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield process
        except BaseException:
            print(log.read_text()[-3_000:], file=sys.stderr)
            raise
        finally:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C does, then by force."""
    for how in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            pass
        return


def installed(clone: Path, process: "subprocess.Popen[bytes]", watch: Watch) -> None:
    """The Makefile's own mark."""
    until((clone / ".venv" / ".installed").exists, process, watch, "nothing was installed")


def until(
    holds: Callable[[], bool], process: "subprocess.Popen[bytes]", watch: Watch, otherwise: str
) -> None:
    """Raises SystemExit when it ended before, or took too long."""
    while not holds():
        if process.poll() is not None:
            raise SystemExit(f"`make run` ended with {process.returncode}: {otherwise}")
        watch.must_go_on(otherwise)
        time.sleep(LOOK_SECONDS)


def publish(client: int) -> str:
    """By the form, as a browser without scripts; the address it leads to."""
    key = FORM_KEY.search(get(client, "/pub").text)
    if key is None:
        raise SystemExit("the form has no key")
    answer = Page(client, "POST", "/pub", urlencode(FORM | {"key": key[1]}))
    if answer.status != 303:
        raise SystemExit(f"publishing answered {answer.status}")
    return answer.location


def delivered(client: int, address: str) -> bool:
    """The page of the message shows one."""
    return 'class="state delivered"' in get(client, address).text


class Page:
    """What came back; status 0 where nobody answers yet."""

    def __init__(self, port: int, method: str, path: str, body: str | None = None) -> None:
        self.status, self.text, self.location = 0, "", ""
        headers = {"Sec-Fetch-Site": "same-origin"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection("localhost", port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            self._read(connection.getresponse())
        except OSError:
            return
        finally:
            connection.close()

    def _read(self, response: HTTPResponse) -> None:
        self.status, self.text = response.status, response.read().decode()
        self.location = response.headers.get("Location", "")


def get(port: int, path: str) -> Page:
    return Page(port, "GET", path)


def free_ports() -> tuple[int, int]:
    """For broker and client."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
