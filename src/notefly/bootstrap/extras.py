"""Libraries that only some settings need."""

from collections.abc import Iterator
from contextlib import contextmanager

from notefly.config import SettingsInvalid


@contextmanager
def extra(name: str, setting: str) -> Iterator[None]:
    """Around imports: raises SettingsInvalid where the libraries of an extra are not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("notefly"):
            raise
        what = f"{setting} needs {error.name}: pip install 'notefly[{name}]'"
        raise SettingsInvalid([what]) from error
