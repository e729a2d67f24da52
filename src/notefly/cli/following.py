"""`notefly tail`: the log, and what is added to it while one watches."""

import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import click

from notefly.cli.broker_link import Absent, BrokerLink, Json
from notefly.cli.drawing import clock, excerpt, harmless, marked, padded
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared

FEW = 100
"""Deliveries of one event that get a line each; of more, one line says how many."""
REMEMBERED = 10_000
ALONE = {"subscriber", "reason", "since"}
"""Filters that an event does not answer: its deliveries are asked for."""
RETRY_SECONDS = 1.0


@click.command()
@click.option("--category")
@click.option("--channel")
@click.option("--state")
@click.option("--subscriber", metavar="ID")
@click.option("--message", metavar="ID")
@click.option("--reason", help="Of dead letters: exhausted, expired, refused, poison.")
@click.option("--since", metavar="TIME", help="Of messages accepted since then, RFC 3339.")
@click.option(
    "-n", "--last", default=10, show_default=True, help="Lines of the past to begin with."
)
@click.option("--follow/--no-follow", default=True, help="Go on with what happens from now on.")
@json_option
@plainly
def tail(*, last: int, follow: bool, as_json: bool, **filters: str | None) -> None:
    """Follow the log of deliveries, oldest first.

    With --json every line is a delivery as the API shows it; where many end at once, it is the
    event, with their `count`.
    """
    wanted = {name: value for name, value in filters.items() if value}
    with BrokerLink(prepared(quiet=as_json)) as link:
        log = Tail(link, wanted, as_json=as_json)
        try:
            if follow:
                log.follow(last)
            else:
                log.past(last)
        except KeyboardInterrupt:
            click.echo()


@dataclass(slots=True)
class Tail:
    """Prints every ending of a delivery once, whether it is met in the log or in the stream."""

    link: BrokerLink
    wanted: dict[str, str]
    as_json: bool
    _printed: OrderedDict[tuple[str, str, int], None] = field(default_factory=OrderedDict)
    _texts: dict[str, str] = field(default_factory=dict)

    def past(self, last: int) -> None:
        """The newest lines of the log, in the order they came."""
        found: list[Json] = []
        cursor: dict[str, str] = {}
        while len(found) < last:
            page = self.link.get(
                "/v1/deliveries", limit=min(last - len(found), 1_000), **self.wanted, **cursor
            )
            found += page["items"]
            if not page["next"]:
                break
            cursor = {"cursor": page["next"]}
        for delivery in reversed(found):
            self._print(delivery)

    def follow(self, last: int) -> None:
        """From the stream's first word on nothing is missed: only then the past is read."""
        begun, place = False, ""
        while True:
            try:
                for name, reached, fact in self.link.events(place, **self._for_stream()):
                    place = reached
                    if not begun:
                        self.past(last)
                        begun = True
                    self._hear(name, fact)
            except Absent:
                if not begun:
                    raise
            click.echo("notefly: the broker went away; waiting for it", err=True)
            time.sleep(RETRY_SECONDS)

    def _hear(self, name: str, fact: Json) -> None:
        if name == "reset":
            click.echo("notefly: some of what happened was missed", err=True)
        elif name == "chaos":
            click.echo(f"notefly: {_misbehaving(fact['channels'])}", err=True)
        elif fact:
            self._tell(fact)

    def _for_stream(self) -> dict[str, str]:
        return {n: self.wanted[n] for n in ("message", "channel", "category") if n in self.wanted}

    def _tell(self, fact: Json) -> None:
        if self.wanted.get("state", fact["state"]) != fact["state"]:
            return
        if fact["count"] > FEW and not self.wanted.keys() & ALONE:
            self._print_many(fact)
            return
        for delivery in self._deliveries_of(fact):
            if delivery["state"] == fact["state"]:
                self._print(delivery)

    def _deliveries_of(self, fact: Json) -> Iterator[Json]:
        if fact["delivery_id"]:
            if self.wanted.get("subscriber", fact["subscriber_id"]) == fact["subscriber_id"]:
                yield self.link.delivery(fact["delivery_id"])
            return
        place = {"message": fact["message_id"], "channel": fact["channel"], "state": fact["state"]}
        log = self.link.get("/v1/deliveries", limit=1_000, **(self.wanted | place))
        yield from log["items"]

    def _print(self, delivery: Json) -> None:
        ending = (delivery["id"], delivery["state"], delivery["attempts"])
        if ending in self._printed:
            return
        self._printed[ending] = None
        if len(self._printed) > REMEMBERED:
            self._printed.popitem(last=False)
        if self.as_json:
            click.echo(json.dumps(delivery, ensure_ascii=False))
            return
        who = delivery["subscriber_id"] or "erased"
        detail = f"  {harmless(delivery['detail'])}" if delivery["detail"] else ""
        again = f", again at {clock(delivery['next_try_at'])}" if delivery["next_try_at"] else ""
        tried = f"  try {delivery['attempts']}{again}" if delivery["attempts"] > 1 or again else ""
        self._line(delivery, delivery["updated_at"], f"{padded(who, 12)}{tried}{detail}")

    def _print_many(self, fact: Json) -> None:
        if self.as_json:
            click.echo(json.dumps(fact, ensure_ascii=False))
        else:
            self._line(fact, fact["at"], f"{fact['count']:,} deliveries")

    def _line(self, fact: Json, at: str, who: str) -> None:
        state, channel = padded(marked(fact["state"]), 11), padded(fact["channel"], 6)
        text = click.style(f"{fact['category']}: {self._text(fact['message_id'])}", dim=True)
        click.echo(f"{clock(at)}  {state}  {channel}  {who}  {text}")

    def _text(self, message: str) -> str:
        if message not in self._texts:
            found = self.link.message(message)
            if len(self._texts) > FEW:
                self._texts.clear()
            self._texts[message] = excerpt(found["title"] or found["body"], 40)
        return self._texts[message]


def _misbehaving(channels: Sequence[str]) -> str:
    return f"chaos is on for {', '.join(channels)}" if channels else "chaos is off"
