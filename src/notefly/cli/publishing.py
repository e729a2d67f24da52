"""`notefly publish`: one message, and with --wait what becomes of it."""

import json
import sys
import time
from uuid import uuid4

import click

from notefly.cli.broker_link import BrokerLink, Json
from notefly.cli.drawing import COLOURS, coloured, table, width
from notefly.cli.failure import Failed, plainly
from notefly.cli.preparing import json_option, prepared

QUICK_SECONDS, SLOW_SECONDS = 0.05, 1.0
ENDED = ("delivered", "dead", "cancelled")
WIDE = 30
"""Columns of the progress bar."""


@click.command()
@click.argument("category")
@click.argument("body")
@click.option("--title", help="For the channels that have one; a subject line in e-mail.")
@click.option("--key", help="Idempotency key: the same one never publishes twice.")
@click.option(
    "--expires-at", metavar="TIME", help="RFC 3339; what is not delivered by then is given up."
)
@click.option("--wait", is_flag=True, help="Until every delivery ended; fails if one is dead.")
@json_option
@plainly
def publish(  # noqa: PLR0913 - one parameter per option
    *,
    category: str,
    body: str,
    title: str | None,
    key: str | None,
    expires_at: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Publish BODY in CATEGORY. With "-" the body is read from stdin."""
    if body == "-":
        body = sys.stdin.read()
    content = {"category": category, "body": body, "title": title, "expires_at": expires_at}
    given = {name: value for name, value in content.items() if value is not None}
    with BrokerLink(prepared(quiet=as_json)) as link:
        accepted = link.publish(given, key or str(uuid4()))
        if not as_json:
            click.echo(f"accepted {accepted['id']}", err=wait)
        message = wait_until_done(link, accepted["id"], show=not as_json) if wait else accepted
    if as_json:
        click.echo(json.dumps(message, ensure_ascii=False))
    elif wait:
        click.echo(outcome(message))
    if wait and (dead := message["deliveries"]["by_state"].get("dead", 0)):
        are = "is" if dead == 1 else "are"
        raise Failed(f"{dead} of its deliveries {are} dead; `notefly tail --state dead` shows why")


def wait_until_done(link: BrokerLink, message: str, *, show: bool) -> Json:
    """Asks less and less often; what a message became of is there to be read at any time."""
    pause = QUICK_SECONDS
    while True:
        status = link.message(message)
        if show:
            _show_progress(status)
        if status["state"] == "done":
            if show:
                _clear_line()
            return status
        time.sleep(pause)
        pause = min(pause * 1.3, SLOW_SECONDS)


def outcome(message: Json) -> str:
    """A line for each channel."""
    by_channel = message["deliveries"]["by_channel"]
    if not by_channel:
        return f"nobody follows {message['category']} on any channel"
    states = [s for s in ENDED if any(counts.get(s) for counts in by_channel.values())]
    rows = [
        (channel, *(f"{counts.get(state, 0):,}" for state in states))
        for channel, counts in sorted(by_channel.items())
    ]
    if len(rows) > 1:
        totals = message["deliveries"]["by_state"]
        rows.append(("all", *(f"{totals.get(state, 0):,}" for state in states)))
    return table(("channel", *map(coloured, states)), rows)


def _show_progress(message: Json) -> None:
    if not sys.stderr.isatty():
        return
    counts, total = message["deliveries"]["by_state"], message["deliveries"]["total"]
    ended = sum(counts.get(state, 0) for state in ENDED)
    bar = "".join(
        click.style("█" * (WIDE * counts.get(state, 0) // (total or 1)), fg=COLOURS[state])
        for state in ENDED
    )
    rest = "░" * (WIDE - width(bar))
    waiting = f", {counts['retrying']:,} wait for a retry" if counts.get("retrying") else ""
    text = "finding out who gets it" if total is None else f"{ended:,} of {total:,}{waiting}"
    click.echo(f"\r\x1b[K{bar}{rest} {text}", nl=False, err=True)


def _clear_line() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
