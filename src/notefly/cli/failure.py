"""What goes wrong is one clear line on stderr and a non-zero exit, never a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import IO, Any, ParamSpec, TypeVar

import click
from typing_extensions import override

from notefly.config import SettingsInvalid
from notefly.domain.errors import NoteflyError

P = ParamSpec("P")
T = TypeVar("T")


class Failed(click.ClickException):
    """Says what to do next."""

    @override
    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"notefly: {line}", err=True, file=file)


def plainly(command: Callable[P, T]) -> Callable[P, T]:
    """Everything that Notefly raises on purpose, and what the system refuses, as `Failed`."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (SettingsInvalid, NoteflyError) as error:
            raise Failed(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise Failed(what) from error

    return told
