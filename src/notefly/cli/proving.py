"""`notefly verify` and `notefly config`: what holds, and what is set."""

import asyncio
import json

import click

from notefly.cli.drawing import table
from notefly.cli.failure import Failed, plainly
from notefly.cli.preparing import json_option, prepared
from notefly.config import Settings


@click.command()
@json_option
@plainly
def verify(*, as_json: bool) -> None:
    """Prove the promise from the store: every invariant, and where one is broken.

    Reads the store in the data directory as it lies there; a broker may be running.
    """
    first = asyncio.run(_verify(prepared(), as_json=as_json))
    if first:
        raise Failed(f"violated: {first}")


async def _verify(settings: Settings, *, as_json: bool) -> str:
    """The first violation, named; empty when there is none."""
    from notefly.bootstrap import verify as findings
    from notefly.domain.promise import INVARIANTS

    first = ""
    async for invariant, violation in findings(settings):
        detail = violation.detail if violation else ""
        if violation and not first:
            first = f"{invariant}: {detail}"
        if as_json:
            found = {"invariant": invariant, "holds": violation is None, "detail": detail or None}
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            mark = click.style("✗", fg="red") if violation else click.style("✓", fg="green")
            said = f": {detail}" if detail else f"  {INVARIANTS[invariant]}"
            click.echo(f"{mark} {invariant:<3}{said}")
    return first


@click.command()
@json_option
@plainly
def config(*, as_json: bool) -> None:
    """Print every setting and where it came from."""
    shown = list(prepared(quiet=as_json).shown())
    if as_json:
        settings = {name: {"value": value, "source": source} for name, value, source in shown}
        click.echo(json.dumps(settings, indent=2, ensure_ascii=False))
        return
    rows = [(name, _written(value), source) for name, value, source in shown]
    click.echo(table(("setting", "value", "from"), rows))


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"
