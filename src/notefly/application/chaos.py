"""Make channels misbehave on purpose, to see what Notefly makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from notefly.domain.chaos import AT_REST, Dials
from notefly.domain.errors import Conflict, Invalid, Problem
from notefly.ports.channel import Channel

Spoils = Callable[[Channel, Callable[[], Dials]], Channel]
"""Gives a channel like the one given, `per_recipient`, that does what the dials say."""


def _nobody_listens() -> None:
    """Before the engine starts."""


@dataclass(slots=True)
class Chaos:
    """The dials of this process's channels; nothing of it is stored, so a restart ends it."""

    spoils: Spoils
    obstacle: str
    """Why it cannot be had here; empty where it can."""
    channels: frozenset[str]
    _turned: dict[str, Dials] = field(default_factory=dict, init=False)
    _obey: Callable[[], None] = field(default=_nobody_listens, init=False)

    @property
    def misbehaving(self) -> frozenset[str]:
        """The channels that do."""
        return frozenset(self._turned)

    def dials(self, channel: str) -> Dials:
        return self._turned.get(channel, AT_REST)

    def turn(self, dials: Mapping[str, Dials]) -> None:
        """All of them at once: what is not named comes to rest. Raises Conflict and Invalid.

        What is accepted from now on is met by it.
        """
        if self.obstacle:
            raise Conflict(self.obstacle)
        if problems := [*self._problems(dials)]:
            raise Invalid(problems)
        self._turned = {name: given for name, given in dials.items() if given != AT_REST}
        self._obey()

    def obeyed_by(self, lanes: Callable[[], None]) -> None:
        """Who is called when a dial was turned."""
        self._obey = lanes

    def spoiled(self, channel: Channel) -> Channel:
        """The channel as its dials stand at each call."""
        return self.spoils(channel, lambda: self.dials(channel.name))

    def _problems(self, dials: Mapping[str, Dials]) -> list[Problem]:
        unknown = [
            Problem(f"/channels/{name}", "there is no such channel")
            for name in dials
            if name not in self.channels
        ]
        wrong = [
            Problem(f"/channels/{name}{problem.pointer}", problem.detail)
            for name, given in dials.items()
            for problem in given.problems()
        ]
        return unknown + wrong
