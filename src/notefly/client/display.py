"""What the broker tells, arranged for the eye. Nothing here decides anything."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup
from quart import Quart

from notefly.client.timeline import said_by_channel, why

Json = Mapping[str, Any]
STATES = ("delivered", "cancelled", "dead", "retrying", "sending", "pending")
"""In the order in which a bar fills from the left."""
UNDECIDED = frozenset({"retrying", "sending", "pending"})
BAR_WIDTH = 1_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A coloured part of a bar, in units of the bar's width."""

    state: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Strip:
    """One channel of a message: how many, how far, and the bar that shows it."""

    channel: str
    total: int
    ended: int
    pieces: Sequence[Piece]

    @property
    def words(self) -> str:
        """The bar for those who do not see it."""
        return ", ".join(f"{piece.count:,} {piece.state}" for piece in self.pieces) or "nobody"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a message's way; `standing` is `done`, `now`, `later` or, at its end, `dead`."""

    name: str
    said: str
    standing: str


@dataclass(frozen=True, slots=True)
class Grid:
    """People by channels; a missing delivery is None, and any that is there says who it is."""

    channels: Sequence[str]
    rows: Sequence[tuple[Json, Sequence[Json | None]]]


def strips(message: Json, channels: Sequence[str]) -> list[Strip]:
    """A strip for each of the channels on which somebody gets the message."""
    by_channel: Mapping[str, Mapping[str, int]] = message["deliveries"]["by_channel"]
    return [strip_of(channel, by_channel[channel]) for channel in channels if channel in by_channel]


def strip_of(channel: str, counts: Mapping[str, int]) -> Strip:
    """The bar of these counts."""
    total = sum(counts.values())
    pieces, start = [], 0.0
    for state in STATES:
        if count := counts.get(state, 0):
            width = BAR_WIDTH * count / total
            pieces.append(Piece(state, count, round(start, 2), round(width, 2)))
            start += width
    ended = sum(count for state, count in counts.items() if state not in UNDECIDED)
    return Strip(channel, total, ended, pieces)


def steps(message: Json) -> list[Step]:
    """From accepted to done, each with what is known of it."""
    total, batches = message["deliveries"]["total"], message["batches"]
    planned, done = total is not None, message["state"] == "done"
    ended = sum(
        count
        for state, count in message["deliveries"]["by_state"].items()
        if state not in UNDECIDED
    )
    dead = message["deliveries"]["by_state"].get("dead", 0)
    lost = f", {dead:,} dead" if dead else ""
    audience = counted(total, "delivery", "deliveries") if planned else "finding out who gets it"
    cut = f" in {counted(batches, 'batch', 'batches')}" if batches else ""
    return [
        Step("Accepted", "on stable storage", "done"),
        Step("Planned", audience + cut, "done" if planned else "now"),
        Step(
            "Done" if done else "Delivering",
            f"{ended:,} of {total:,} ended{lost}" if total else "nobody gets it" if done else "",
            ("dead" if dead else "done") if done else "now" if planned else "later",
        ),
    ]


def counted(number: float, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def grid(deliveries: Sequence[Json], channels: Sequence[str]) -> Grid:
    """Everybody who gets a message, a row each: by name, and the erased at the end."""
    chosen = {delivery["channel"] for delivery in deliveries}
    columns = [channel for channel in channels if channel in chosen]
    people: dict[str, dict[str, Json]] = {}
    for delivery in deliveries:
        key = delivery["id"].rpartition(".")[2]  # It outlives the person's id and name.
        people.setdefault(key, {})[delivery["channel"]] = delivery
    rows = [(next(iter(c.values())), [c.get(name) for name in columns]) for c in people.values()]
    return Grid(columns, sorted(rows, key=lambda row: _place(row[0])))


def _place(one: Json) -> tuple[bool, str, str]:
    erased = one["subscriber_id"] is None
    return erased, (one["subscriber_name"] or "").casefold(), one["subscriber_id"] or one["id"]


def by_message(deliveries: Iterable[Json]) -> Iterator[tuple[str, list[Json]]]:
    """The log, cut where the message changes; its order keeps those of a message together."""
    group: list[Json] = []
    for delivery in deliveries:
        if group and delivery["message_id"] != group[0]["message_id"]:
            yield group[0]["message_id"], group
            group = []
        group.append(delivery)
    if group:
        yield group[0]["message_id"], group


def moment(text: str) -> Markup:
    """A time as the log says it; scripts turn it into the reader's own zone."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds"), at.strftime("%Y-%m-%d %H:%M:%S UTC")
    )


def excerpt(text: str, limit: int = 90) -> str:
    """The beginning, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def label(name: str) -> str:
    """A channel's name as people write it."""
    return {"sms": "SMS", "email": "E-mail"}.get(name, name.capitalize())


def register(app: Quart) -> None:
    """Let templates use them."""
    shown = (moment, excerpt, label, counted, why, said_by_channel)
    app.jinja_env.filters |= {one.__name__: one for one in shown}
    app.jinja_env.globals["bar_width"] = BAR_WIDTH
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
