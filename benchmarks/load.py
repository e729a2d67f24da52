"""Closed-loop load over keep-alive connections: `wrk` where it is installed, else our own."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lines import document
from benchmarks.machine import ROOT

CONNECTIONS = 64
OWN = "benchmarks.generator, one process, epoll"
PATH = "/v1/messages"
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
"""
COUNTED = """
local answered = 0
function response()
    answered = answered + 1
    if answered == {requests} then
        print(answered .. " requests in 0s")
        os.exit(0)
    end
end
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """How many requests were answered 202 within how long, and how long one waited."""

    requests: int
    seconds: float
    p99_milliseconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def generator() -> str:
    """Which one it is, for the JSON."""
    return f"wrk -t1 -c{CONNECTIONS}" if shutil.which("wrk") else OWN


def press(
    url: str,
    seconds: float,
    category: str = "sports",
    requests: int = 0,
    connections: int = CONNECTIONS,
) -> Answered:
    """Publish for so long, or until so many were answered. Any other answer is an error."""
    if shutil.which("wrk"):
        return _wrk(url, seconds, category, requests, connections)
    asked = {
        "url": url,
        "seconds": seconds,
        "category": category,
        "requests": requests,
        "connections": connections,
    }
    command = [sys.executable, "-m", "benchmarks.generator", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Answered(**json.loads(done.stdout))


def _wrk(url: str, seconds: float, category: str, requests: int, connections: int) -> Answered:
    script = SCRIPT.format(body=document(category).decode())
    if requests:
        script += COUNTED.format(requests=requests)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "publish.lua"
        path.write_text(script)
        limit = max(1, round(seconds))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{limit}s", "--latency", "-s", str(path)]
        began = time.perf_counter()
        done = subprocess.run([*command, url + PATH], capture_output=True, text=True, check=True)
        taken = time.perf_counter() - began
    assert "Non-2xx" not in done.stdout, done.stdout
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", done.stdout)
    assert found is not None, done.stdout
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    waited = float(p99[1]) * MILLISECONDS[p99[2]] if p99 else float("nan")
    assert "Socket errors" not in done.stdout or requests, done.stdout
    seconds = float(found[2]) * MILLISECONDS[found[3]] / 1e3 if not requests else taken
    return Answered(int(found[1]), seconds, waited)
