"""Run one service: `notefly broker`, `notefly client`, and the scripts of the same names."""

from dataclasses import replace

import click

from notefly.cli import advice, ports
from notefly.cli.failure import Failed, plainly
from notefly.cli.lifeline import die_with_parent
from notefly.cli.preparing import prepared, set_up_log
from notefly.config import Settings, origin

READY = "ready"
supervised_option = click.option(
    "--supervised", is_flag=True, hidden=True, help="Started by `notefly up`: ends with it."
)


@click.command()
@supervised_option
@click.option("--console-digest", default="", hidden=True, help="SHA-256 of a key of `up`'s own.")
@plainly
def broker(*, supervised: bool, console_digest: str) -> None:
    """Run the broker: REST API, queue, store and workers."""
    settings = replace(_begin(supervised=supervised), console_digest=console_digest)
    if not supervised:
        for line in advice.about_broker(settings):
            click.echo(f"broker: {line}", err=True)
    from notefly.broker.server import run

    def started(address: str) -> None:
        _say(f"broker: {address} is ready, its API is at {address}/docs", address, supervised)
        if not supervised:
            _mention_client(settings)

    run(settings, started)


@click.command()
@supervised_option
@plainly
def client(*, supervised: bool) -> None:
    """Run the client: the web console. It needs a broker."""
    settings = _begin(supervised=supervised)
    ports.require_free(settings.client_host, settings.client_port, "NOTEFLY_CLIENT_PORT")
    from notefly.client.server import run

    def started(address: str) -> None:
        _say(f"client: {address}/pub is ready", address, supervised)

    if not supervised:
        for line in advice.about_client(settings):
            click.echo(f"client: {line}", err=True)
        _mention_broker(settings)
    run(settings, started)


@click.command()
@supervised_option
@click.option("--channel", "channels", multiple=True, help="Only this one; may be repeated.")
@click.option("--concurrency", type=click.IntRange(1, 999), help="Groups of batches at once.")
@plainly
def worker(*, supervised: bool, channels: tuple[str, ...], concurrency: int | None) -> None:
    """Run a worker: it delivers what brokers accept, on a store on PostgreSQL.

    As many as you like, anywhere. A worker may be killed at any time: others take over.
    """
    settings = _begin(supervised=supervised)
    _require_server(settings, channels)
    if concurrency is not None:
        settings = replace(settings, concurrency=concurrency)
    from notefly.bootstrap import Delivers
    from notefly.worker import run

    def started() -> None:
        what = ", ".join(channels or settings.channels)
        _say(f"worker: delivering {what}; Ctrl-C stops it", "", supervised)

    run(settings, Delivers(frozenset(channels) if channels else None), started)


def _require_server(settings: Settings, channels: tuple[str, ...]) -> None:
    if not settings.store:
        raise Failed(
            "the store is a file, which the broker alone has open, and it delivers by itself; "
            "for workers set NOTEFLY_STORE=postgresql://…"
        )
    for channel in channels:
        if channel not in settings.channels:
            known = ", ".join(settings.channels)
            raise Failed(f"{channel} is no channel that is configured; there are {known}")


def _begin(*, supervised: bool) -> Settings:
    if supervised:
        die_with_parent()
    settings = prepared(quiet=supervised)
    set_up_log(settings)
    return settings


def _say(line: str, address: str, supervised: bool) -> None:  # noqa: FBT001 - not a switch of ours
    click.echo(f"{READY} {address}" if supervised else line)


def _mention_client(settings: Settings) -> None:
    pages = origin(settings.client_host, settings.client_port)
    if not ports.trouble(settings.client_host, settings.client_port):
        click.echo(f"broker: no client at {pages}; its pages start with `notefly client`", err=True)


def _mention_broker(settings: Settings) -> None:
    from notefly.cli.broker_link import BrokerLink

    with BrokerLink(settings) as link:
        if not link.answers():
            click.echo(f"client: {link.absence}", err=True)
            return
        try:
            link.get("/v1/categories")
        except Failed as refused:
            click.echo(f"client: {refused.message}", err=True)
