"""`notefly doctor`: what could be in the way, and how to mend it."""

import json

import click

from notefly.cli.drawing import width
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared

MARKS = {
    "ok": click.style("✓", fg="green"),
    "note": click.style("!", fg="yellow"),
    "bad": click.style("✗", fg="red"),
}


@click.command()
@json_option
@plainly
def doctor(*, as_json: bool) -> None:
    """Check this machine: what is wrong, and the line that mends it. Fails if something is."""
    from notefly.cli.checks import examine

    settings = prepared(quiet=as_json)
    findings = list(examine(settings))
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings], indent=2))
    else:
        margin = max(width(finding.name) for finding in findings) + 2
        for finding in findings:
            click.echo(f"{MARKS[finding.verdict]} {finding.name:{margin}}{finding.detail}")
            if finding.mend:
                click.echo(f"  {'':{margin}}→ {finding.mend}")
    if any(finding.verdict == "bad" for finding in findings):
        raise SystemExit(1)
