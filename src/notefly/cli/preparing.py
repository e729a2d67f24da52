"""What every command does first: settings, and for services the log."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

import click
from typing_extensions import override

from notefly.config import Settings, load
from notefly.config.showing import MASK

CHATTY = ("uvicorn", "hpack", "asyncio")
"""Libraries whose everyday remarks would bury ours."""
TELLTALE = ("httpx2", "httpcore2")
"""Libraries that write down every URL, and with it what somebody searched for."""
ADDRESS = re.compile(
    r"[^\s<>()\[\]{}'\",;:=/@&?]+(?:@|%40)[^\s<>()\[\]{}'\",;:=/@&?]+\.[A-Za-z][A-Za-z0-9-]*"
    r"|(?<![\w.])(?:\+|%2[Bb])[0-9](?:[ ().-]{0,2}[0-9]){6,14}(?![\w:])"
)
"""An e-mail address, or a phone number as E.164 writes it."""


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
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in TELLTALE + (CHATTY if level > logging.DEBUG else ()):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def discreet(text: str) -> str:
    """Without anybody's address: nothing of ours says one, but an error from elsewhere may."""
    return ADDRESS.sub(MASK, text)


class TextLines(logging.Formatter):
    """Time, level, who, what."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return discreet(super().format(record))


class JsonLines(logging.Formatter):
    """One object a line; times are UTC, as everywhere else."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": discreet(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = discreet(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
