"""The command line. What a command needs is imported when it runs: help must come at once."""

import click

from notefly import __version__
from notefly.cli.demo import demo
from notefly.cli.doctor import doctor
from notefly.cli.following import tail
from notefly.cli.keeping import backup, restore
from notefly.cli.keys import keys, link
from notefly.cli.proving import verify
from notefly.cli.publishing import publish
from notefly.cli.running import broker, client, worker
from notefly.cli.settings import config
from notefly.cli.showing import show
from notefly.cli.up import up

__all__ = ["broker", "client", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="notefly")
def main() -> None:
    """Notification infrastructure that loses nothing it accepted.

    Settings come from NOTEFLY_* variables and notefly.toml; `notefly config` shows them.
    """


COMMANDS = (
    *(up, broker, client, worker, publish, tail, show, demo, keys, link, doctor),
    *(verify, backup, restore, config),
)
for _command in COMMANDS:
    main.add_command(_command)
