"""`notefly demo`: the first five minutes in five seconds."""

import json
from collections.abc import Iterator
from uuid import uuid4

import click

from notefly.cli.broker_link import BrokerLink, Json
from notefly.cli.drawing import coloured, table
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared
from notefly.cli.publishing import wait_until_done
from notefly.config import Settings

SAMPLES = {
    "sports": ("Goal!", "1:0 in the 89th minute."),
    "finance": ("Throughput unchanged", "The central bank leaves its rate at 2 %."),
    "movies": ("Now showing", "The film you waited for runs from Friday."),
}
SHOWN = 200


@click.command()
@json_option
@plainly
def demo(*, as_json: bool) -> None:
    """Publish a message in each category, and show who got what."""
    settings = prepared(quiet=as_json)
    with BrokerLink(settings) as link:
        for number, message in enumerate(_published(link)):
            log = link.get("/v1/deliveries", message=message["id"], limit=SHOWN)["items"]
            if as_json:
                click.echo(json.dumps({"message": message, "deliveries": log}, ensure_ascii=False))
            else:
                click.echo(("\n" if number else "") + _told(message, log))
    if not as_json:
        click.echo(_next_steps(settings))


def _published(link: BrokerLink) -> Iterator[Json]:
    for category in link.get("/v1/categories")["items"]:
        name = category["name"]
        title, body = SAMPLES.get(name, (f"News in {name}", f"This is what {name} can look like."))
        accepted = link.publish({"category": name, "title": title, "body": body}, str(uuid4()))
        yield wait_until_done(link, accepted["id"], show=False)


def _told(message: Json, log: list[Json]) -> str:
    heading = click.style(f"{message['category']}: {message['title']}", bold=True)
    if not log:
        return f"{heading}\nnobody follows it on any channel"
    channels = sorted({one["channel"] for one in log})
    people: dict[str, dict[str, str]] = {}
    for one in log:
        people.setdefault(one["subscriber_id"] or "erased", {})[one["channel"]] = one["state"]
    rows = [
        (person, *(coloured(states[c]) if c in states else "-" for c in channels))
        for person, states in sorted(people.items())
    ]
    return f"{heading}\n{table(('who', *channels), rows)}"


def _next_steps(settings: Settings) -> str:
    return (
        "\nNothing left this machine: the channels are in log mode. Next:\n"
        f"  open http://localhost:{settings.client_port}/activity and see the same in the console\n"
        "  notefly tail                        watches while you publish\n"
        '  notefly publish sports "Goal!" --wait'
    )
