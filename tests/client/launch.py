"""A console as a process of its own: `python -m tests.client.launch '{"broker_url": …}'`."""

import json
import logging
import sys
from typing import Any

from notefly.client.server import run
from notefly.config import Settings

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if log_to := given.pop("log_to", None):
        logging.basicConfig(filename=log_to, level=logging.DEBUG)
    settings: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in given.items()
    }
    run(Settings(**settings), started=lambda address: print(address, flush=True))  # noqa: T201
