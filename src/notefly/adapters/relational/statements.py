"""SQL lives in `.sql` files of its engine: blocks that open with `-- name: …`."""

import re
from collections.abc import Mapping
from importlib.resources import files


def load(package: str, subject: str) -> dict[str, str]:
    """The named statements of one file."""
    text = (files(package) / f"{subject}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)[ \t]*$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def load_all(package: str, *subjects: str) -> Mapping[str, str]:
    """Those of several files, each called `subject.name`."""
    return {
        f"{subject}.{name}": statement
        for subject in subjects
        for name, statement in load(package, subject).items()
    }


def load_migrations(package: str) -> list[tuple[int, str]]:
    """The numbered scripts of an engine, in order; they only go forward."""
    folder = files(package) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in names]
