"""How the terminal shows things: a box, a table, the colours of the states."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import click

COLOURS = {
    "delivered": "green",
    "done": "green",
    "sending": "blue",
    "delivering": "blue",
    "accepted": "blue",
    "retrying": "yellow",
    "dead": "red",
    "cancelled": "magenta",
}
MARKS = {"delivered": "✓", "done": "✓", "retrying": "↻", "dead": "✗", "cancelled": "\N{EN DASH}"}
"""As the pages have them: nobody has to see colours."""


def boxed(title: str, rows: Sequence[tuple[str, str]], notes: Sequence[str]) -> str:
    """A frame around (what, where) rows and closing notes."""
    margin = max(width(name) for name, _ in rows) + 3
    lines = [title, "", *(padded(name, margin) + value for name, value in rows), "", *notes]
    wide = max(map(width, lines))
    edge = "─" * (wide + 4)
    body = "\n".join(f"│  {padded(line, wide)}  │" for line in lines)
    return f"╭{edge}╮\n{body}\n╰{edge}╯"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be; colours do not count."""
    cells = [[click.style(heading, dim=True) for heading in headings], *rows]
    widths = [max(width(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join("  ".join(map(padded, row, widths)).rstrip() for row in cells)


def coloured(state: str) -> str:
    """A state, the same colour everywhere."""
    return click.style(state, fg=COLOURS.get(state))


def marked(state: str) -> str:
    """The same with its shape."""
    return click.style(f"{MARKS.get(state, '→')} {state}", fg=COLOURS.get(state))


def padded(text: str, wide: int) -> str:
    """Filled up with spaces."""
    return text + " " * (wide - width(text))


def width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two (Unicode, UAX 11)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in click.unstyle(text)
    )


def clock(text: str) -> str:
    """A time of the API in the reader's own zone; with the date unless it is today's."""
    at = datetime.fromisoformat(text).astimezone()
    today = at.date() == datetime.now(UTC).astimezone().date()
    return at.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def harmless(text: str) -> str:
    """Without control characters, which a terminal would obey; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def excerpt(text: str, limit: int = 60) -> str:
    """The beginning, on one line."""
    line = harmless(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
