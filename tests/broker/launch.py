"""A broker as a process of its own: `python -m tests.broker.launch '{"data_dir": …}'`."""

import json
import logging
import sys
from pathlib import Path

from notefly.broker import protocol
from notefly.broker.server import run
from notefly.config import Settings

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    given["data_dir"] = Path(given["data_dir"])
    if log_to := given.pop("log_to", None):
        logging.basicConfig(filename=log_to, level=logging.DEBUG)
    if hurry := given.pop("hurry", None):
        # Deadlines of seconds, in a test that has less of them.
        protocol.HEADER_SECONDS = protocol.BODY_SECONDS = hurry
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    chosen = Settings(**settings)  # type: ignore[arg-type] # a test knows what it writes
    run(chosen, started=lambda address: print(address, flush=True))  # noqa: T201
