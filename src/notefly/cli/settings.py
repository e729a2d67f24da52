"""`notefly config`: what is set, and where it came from."""

import json

import click

from notefly.cli.drawing import table
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared


@click.command()
@json_option
@plainly
def config(*, as_json: bool) -> None:
    """Print every setting and where it came from."""
    shown = list(prepared(quiet=as_json).shown())
    if as_json:
        settings = {
            one.name: {"value": one.value, "unit": one.unit, "source": one.source} for one in shown
        }
        click.echo(json.dumps(settings, indent=2, ensure_ascii=False))
        return
    rows = [(one.name, _written(one.value), one.unit, one.source) for one in shown]
    click.echo(table(("setting", "value", "unit", "from"), rows))


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"
