"""`notefly up`: broker, client and workers in one command."""

import asyncio
import signal

import click

from notefly.cli import ports
from notefly.cli.drawing import boxed
from notefly.cli.failure import Failed, plainly
from notefly.cli.preparing import prepared
from notefly.cli.supervisor import Died, Supervisor
from notefly.config import Settings, loopback, origin

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@plainly
def up() -> None:
    """Start broker, client and workers; Ctrl-C stops them all."""
    settings = prepared()
    ports.require_free(settings.host, settings.broker_port, "NOTEFLY_BROKER_PORT")
    ports.require_free(settings.host, settings.client_port, "NOTEFLY_CLIENT_PORT")
    try:
        asyncio.run(_up(settings))
    except Died as death:
        others = {"broker": "client", "client": "broker"}
        raise Failed(f"{death}, so the {others[death.name]} was stopped too") from death


async def _up(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    async with Supervisor(("broker", "client")) as services:
        await services.run(stopping, lambda: click.echo(announcement(settings)))
        click.echo("stopping", err=True)
    click.echo("stopped", err=True)


def announcement(settings: Settings) -> str:
    """The one box: where everything is."""
    from notefly.adapters.sqlite.connection import store_path

    host = "localhost" if loopback(settings.host) else settings.host
    console, api = origin(host, settings.client_port), origin(host, settings.broker_port)
    return boxed(
        "Notefly is running",
        [
            ("publish", f"{console}/pub"),
            ("activity", f"{console}/activity"),
            ("subscribe", f"{api}/sub"),
            ("API", f"{api}/docs"),
            ("store", str(store_path(settings.data_dir).absolute())),
        ],
        [mode(settings), "Ctrl-C stops it"],
    )


def mode(settings: Settings) -> str:
    """What leaves this machine: nothing, as far as the channels are ours."""
    own = sorted({*settings.channels} - {"sms", "email", "push"})
    if not own:
        return "log mode: nothing leaves this machine"
    return f"log mode, except for your own channels: {', '.join(own)}"
