"""What every command does first: settings, and for services the log."""

import json
import logging
import sys
from datetime import UTC, datetime

import click
from typing_extensions import override

from notefly.config import Settings, load

CHATTY = ("uvicorn", "httpx2", "httpcore2", "hpack", "asyncio")
"""Libraries whose everyday remarks would bury ours."""

json_option = click.option("--json", "as_json", is_flag=True, help="For scripts.")


def prepared(*, quiet: bool = False) -> Settings:
    """The settings, with a word about what looks like a typing mistake. Raises SettingsInvalid."""
    settings = load()
    if not quiet:
        for warning in settings.warnings:
            click.echo(f"notefly: warning: {warning}", err=True)
    return settings


def set_up_log(settings: Settings) -> None:
    """For the services: to stderr, for people or as one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """Time, level, who, what."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")


class JsonLines(logging.Formatter):
    """One object a line; times are UTC, as everywhere else."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
