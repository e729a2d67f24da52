"""`notefly demo`: the first five minutes in five seconds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from uuid import uuid4

import click

from notefly.cli import mishap
from notefly.cli.broker_link import BrokerLink, Json
from notefly.cli.drawing import coloured, excerpt, table
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared
from notefly.cli.publishing import ENDED, wait_until_done
from notefly.cli.seeding import seed
from notefly.cli.timeline import Timeline
from notefly.config import Settings

MESSAGES = 6
SAMPLES = {
    "sports": (("Goal!", "1:0 in the 89th minute."), ("Final whistle", "It stays at 1:0.")),
    "finance": (
        ("Rates unchanged", "The central bank leaves its rate at 2 %."),
        ("Markets closed", "The index ends the day 0.4 % higher."),
    ),
    "movies": (
        ("Now showing", "The film you waited for runs from Friday."),
        ("Last seats", "Tonight at eight, row 12."),
    ),
}
SHOWN = 200
QUIET = "Nothing left this machine: all channels are in log mode. Next:"


@click.command()
@json_option
@plainly
def demo(*, as_json: bool) -> None:
    """Publish six messages, one of which fails on purpose, and show who got what.

    Where the store has nobody, people are added first. In log mode a channel refuses everybody
    while the last message is delivered; then it is as it was.
    """
    settings = prepared(quiet=as_json)
    with BrokerLink(settings) as link:
        added = seed(link)
        show = Show(link, as_json=as_json)
        show.say(f"{added} people were added: there was nobody" if added else "")
        told = [*show.run()]
        if not as_json:
            click.echo("\n" + _summary(told))
            show.say("\n" + (QUIET if mishap.log_mode(link) else "Next:"))
            click.echo(next_steps(settings, show.dead_letter(told[-1])))


@dataclass(slots=True)
class Show:
    """Publishes, one after the other, and shows what becomes of each."""

    link: BrokerLink
    as_json: bool

    def say(self, text: str) -> None:
        """To people only."""
        if text and not self.as_json:
            click.echo(text)

    def run(self) -> Iterator[Json]:
        *drafts, last = self._drafts()
        for draft in drafts:
            yield self._shown(draft)
        yield self._failing(last)

    def dead_letter(self, message: Json) -> str:
        """The id of one; empty where none is."""
        found = self.link.get("/v1/deliveries", message=message["id"], state="dead", limit=1)
        return str(found["items"][0]["id"]) if found["items"] else ""

    def _drafts(self) -> Iterator[dict[str, str]]:
        categories = [one["name"] for one in self.link.get("/v1/categories")["items"]]
        for number, name in enumerate(islice(cycle(categories), MESSAGES)):
            samples = SAMPLES.get(name, ((f"News in {name}", f"What {name} can look like."),))
            title, body = samples[number // len(categories) % len(samples)]
            yield {"category": name, "title": title, "body": body}

    def _failing(self, draft: Mapping[str, str]) -> Json:
        """With one channel of its audience refusing, where that may be."""
        reached = self.link.post("/v1/messages?dry_run=true", draft)["by_channel"]
        channels = [channel for channel, people in sorted(reached.items()) if people]
        if not channels:
            return self._shown(draft)
        channel = channels[-1]
        with mishap.refusing(self.link, channel) as obstacle:
            fails = f"{channel} refuses everybody for a moment, on purpose:"
            self.say(f"\n{'nothing fails on purpose here: ' + obstacle if obstacle else fails}")
            return self._shown(draft)

    def _shown(self, draft: Mapping[str, str]) -> Json:
        accepted = self.link.publish(draft, str(uuid4()))
        if not self.as_json:
            click.echo()
            return Timeline(self.link).follow(accepted["id"])
        message = wait_until_done(self.link, accepted["id"], show=False)
        log = self.link.get("/v1/deliveries", message=message["id"], limit=SHOWN)["items"]
        click.echo(json.dumps({"message": message, "deliveries": log}, ensure_ascii=False))
        return message


def _summary(told: list[Json]) -> str:
    """A line for each message."""
    states = [s for s in ENDED if any(one["deliveries"]["by_state"].get(s) for one in told)]
    rows = [
        (
            one["category"],
            excerpt(one["title"] or one["body"], 30),
            *(str(one["deliveries"]["by_state"].get(state, 0)) for state in states),
        )
        for one in told
    ]
    return table(("category", "message", *map(coloured, states)), rows)


def next_steps(settings: Settings, dead_letter: str) -> str:
    """Three of them."""
    console = f"http://localhost:{settings.client_port}"
    steps = [("notefly tail", "watch, while you publish elsewhere")]
    if dead_letter:
        steps = [
            (f"notefly show {dead_letter}", "why that one failed"),
            (f"open {console}/dead", "replay it: the channel is well again"),
            *steps,
        ]
    else:
        steps = [
            (f"open {console}/activity", "the same in the console"),
            ('notefly publish sports "Goal!" --wait', "publish one yourself"),
            *steps,
        ]
    lines = [f"  {number}. {command}\n     {why}" for number, (command, why) in enumerate(steps, 1)]
    return "\n".join(lines)
