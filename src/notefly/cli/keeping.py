"""`notefly backup` and `notefly restore`: the store as one file, and back."""

from pathlib import Path

import click

from notefly.cli.failure import plainly
from notefly.cli.preparing import prepared

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@plainly
def backup(*, file: Path, force: bool) -> None:
    """Write the store to FILE: one moment of it, whole and checked, while the broker runs."""
    from notefly.bootstrap import back_up

    settings = prepared()
    back_up(settings, file, force=force)
    size = file.stat().st_size / 2**20
    click.echo(f"{file} is a backup of {settings.data_dir} ({size:.1f} MB)")


@click.command()
@click.argument("file", type=FILE)
@plainly
def restore(*, file: Path) -> None:
    """Put the backup FILE in the place of the store; the broker must be stopped.

    The store that was there is kept beside it. What was accepted after the backup is not in it,
    and what was delivered after it is delivered again.
    """
    from notefly.bootstrap import restore as put_back

    settings = prepared()
    kept = put_back(settings, file)
    if kept is not None:
        click.echo(f"the store that was there is now {kept}")
    click.echo(f"{settings.data_dir} is restored from {file}; start the broker")
