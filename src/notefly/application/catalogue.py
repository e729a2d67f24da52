"""What a team configured: the categories and the channels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from notefly.domain.errors import Invalid, NotFound, Problem
from notefly.domain.message import Content
from notefly.ports.channel import Channel


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Categories in the order of the settings; channels by name."""

    categories: tuple[str, ...]
    channels: Mapping[str, Channel]
    category_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "category_names", frozenset(self.categories))

    @property
    def kinds(self) -> dict[str, str]:
        """The address kind of each channel."""
        return {name: channel.address_kind for name, channel in self.channels.items()}

    def channel(self, name: str) -> Channel:
        """Raises NotFound for what is not configured."""
        try:
            return self.channels[name]
        except KeyError:
            raise NotFound(f"there is no channel {name!r}") from None

    def content_problems(self, content: Content) -> Iterator[Problem]:
        """What the channels could not render, each field once."""
        for name, channel in self.channels.items():
            if found := channel.check(content):
                for part, detail in found.items():
                    yield Problem(f"/{part}", f"{name}: {detail}")

    def normalised(self, addresses: Mapping[str, str]) -> dict[str, str]:
        """Every address in its one spelling. Raises Invalid with all that are wrong.

        Channels that share a kind share its spelling: the first that is configured decides.
        Kinds that no channel uses are kept as they are, for the profile's own check to name.
        """
        spelled = dict(addresses)
        problems = []
        for kind, channel in self._deciding(addresses):
            try:
                spelled[kind] = channel.normalise(addresses[kind])
            except ValueError as error:
                problems.append(Problem(f"/addresses/{kind}", str(error)))
        if problems:
            raise Invalid(problems)
        return spelled

    def _deciding(self, kinds: Iterable[str]) -> Iterator[tuple[str, Channel]]:
        for kind in kinds:
            for channel in self.channels.values():
                if channel.address_kind == kind:
                    yield kind, channel
                    break
