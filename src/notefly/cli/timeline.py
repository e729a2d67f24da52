"""What becomes of a message, a line for each delivery as it comes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import click

from notefly.cli.broker_link import BrokerLink, Json
from notefly.cli.drawing import excerpt, harmless, marked, padded

FEW = 20
"""Deliveries of one message that get a line each; of more, the last line says how many."""
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 10.0
"""For one message. A channel that is slow or fails takes longer, and goes on without us."""
SETTLED = ("delivered", "retrying", "dead", "cancelled")


@dataclass(slots=True)
class Timeline:
    """Prints every standing of a delivery once."""

    link: BrokerLink
    _told: set[tuple[str, str, int]] = field(default_factory=set)

    def follow(self, message: str) -> Json:
        """The message once all of it ended, or as it stands when patience did."""
        until = time.monotonic() + PATIENCE_SECONDS
        status = self.link.message(message)
        click.echo(_heading(status))
        while True:
            status = self.link.message(message)
            for line in self._news(status):
                click.echo(line)
            if status["state"] == "done" or time.monotonic() > until:
                break
            time.sleep(LOOK_SECONDS)
        if not status["deliveries"]["total"]:
            click.echo("  nobody follows it on any channel")
        elif status["deliveries"]["total"] > FEW:
            click.echo(f"  … {status['deliveries']['total']:,} deliveries in all")
        return status

    def _news(self, status: Json) -> Iterator[str]:
        log = self.link.get("/v1/deliveries", message=status["id"], limit=FEW)["items"]
        for one in sorted(log, key=lambda one: str(one["updated_at"])):
            standing = (one["id"], one["state"], one["attempts"])
            if one["state"] in SETTLED and standing not in self._told:
                self._told.add(standing)
                yield _line(status, one)


def _heading(status: Json) -> str:
    title = click.style(excerpt(status["title"] or status["body"]), bold=True)
    return f"{click.style(status['category'], fg='cyan')}  {title}"


def _line(status: Json, delivery: Json) -> str:
    at = datetime.fromisoformat(delivery["updated_at"])
    since = (at - datetime.fromisoformat(status["accepted_at"])).total_seconds()
    detail = f"  {harmless(delivery['detail'])}" if delivery["detail"] else ""
    who = padded(delivery["subscriber_id"] or "erased", 8)
    line = (
        f"  {click.style(f'+{since:.3f} s', dim=True)}  {padded(marked(delivery['state']), 11)}  "
        f"{padded(delivery['channel'], 6)}  {who}{detail}"
    )
    return line.rstrip()
