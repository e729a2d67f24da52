"""`notefly up`: broker, client and workers in one command."""

import asyncio
import secrets
import signal
from collections.abc import Iterator, Sequence

import click

from notefly.cli import advice, ports
from notefly.cli.drawing import boxed
from notefly.cli.failure import Failed, plainly
from notefly.cli.preparing import prepared
from notefly.cli.supervisor import Died, Start, Supervisor
from notefly.config import Settings, loopback, origin, reachable
from notefly.config.showing import masked
from notefly.domain.access import CONSOLE, SECRET_BYTES, digest_of, spell

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@plainly
def up() -> None:
    """Start broker, client and workers; Ctrl-C stops them all."""
    settings = prepared()
    ports.require_free(settings.host, settings.broker_port, "NOTEFLY_BROKER_PORT")
    ports.require_free(settings.client_host, settings.client_port, "NOTEFLY_CLIENT_PORT")
    for line in (*advice.about_broker(settings), *advice.about_client(settings)):
        click.echo(f"notefly: {line}", err=True)
    try:
        asyncio.run(_up(settings))
    except Died as death:
        others = [how.name for how in starts(settings) if how.name != death.name]
        stopped = " and the ".join(others)
        were = "were" if len(others) > 1 else "was"
        raise Failed(f"{death}, so the {stopped} {were} stopped too") from death


async def _up(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    async with Supervisor(starts(settings)) as services:
        await services.run(stopping, lambda: click.echo(announcement(settings)))
        click.echo("stopping", err=True)
    click.echo("stopped", err=True)


def starts(settings: Settings) -> Sequence[Start]:
    """What the settings name: workers of their own where the broker does not deliver."""
    return [*services(settings), *([] if settings.broker_delivers else [Start("worker")])]


def services(settings: Settings) -> tuple[Start, Start]:
    """Where keys are required, the console has one of its own for as long as both run.

    It is stored nowhere: the broker is told its SHA-256, the console the key itself.
    """
    if not settings.keys_required or settings.api_key:
        return Start("broker"), Start("client")
    key = spell(CONSOLE, secrets.token_bytes(SECRET_BYTES))
    return (
        Start("broker", ("--console-digest", digest_of(key).hex())),
        Start("client", environ={"NOTEFLY_API_KEY": key}),
    )


def announcement(settings: Settings) -> str:
    """The one box: where everything is."""
    host = "localhost" if loopback(settings.host) else reachable(settings.host)
    console, api = origin("localhost", settings.client_port), origin(host, settings.broker_port)
    return boxed(
        "Notefly is running",
        [
            ("publish", f"{console}/pub"),
            ("activity", f"{console}/activity"),
            ("subscribe", "notefly link ID" if settings.keys_required else f"{api}/sub"),
            ("API", f"{api}/docs"),
            *engine(settings),
        ],
        [mode(settings), *(["the API wants keys"] * settings.keys_required), "Ctrl-C stops it"],
    )


def engine(settings: Settings) -> Iterator[tuple[str, str]]:
    """Where everything is kept, and what hands out the work."""
    from notefly.adapters.sqlite.connection import store_path

    if not settings.store:
        yield "store", str(store_path(settings.data_dir).absolute())
        return
    yield "store", str(masked(settings.store))
    yield "queue", str(masked(settings.queue)) or "in the store"


def mode(settings: Settings) -> str:
    """What leaves this machine: nothing, as far as the channels are ours."""
    own = sorted({*settings.channels} - {"sms", "email", "push"})
    if not own:
        return "log mode: nothing leaves this machine"
    return f"log mode, except for your own channels: {', '.join(own)}"
