"""People who were read as one, remembered for as long as nobody changes anything about anybody."""

from dataclasses import dataclass, field

from notefly.domain.ids import Epoch
from notefly.ports.people import People

CHARACTERS = 4_000_000
"""Of people that are remembered: some 80,000 of them."""
Scope = tuple[int, ...]
"""Category, channel, epoch of the message, and the range `after < subscriber <= through`; empty
for what may not be remembered."""


@dataclass(slots=True)
class Known:
    """What was read at one epoch, and at no other. Threads may count a little less than it is."""

    epoch: Epoch
    undone: int
    people: dict[Scope, People] = field(default_factory=dict)
    characters: int = 0

    def remember(self, scope: Scope, people: People) -> People:
        """Forget everything else when it has become much."""
        if scope:
            self.characters += len(people.text)
            if self.characters > CHARACTERS:
                self.people, self.characters = {}, len(people.text)
            self.people[scope] = people
        return people


class Groups:
    """Whatever changes anything about anybody moves the epoch on, in its commit.

    So what was read at the epoch of now is as good as read now, unless epochs were given back and
    came again (`undone`). Threads may share it: each has what is known at the epoch that it sees.
    """

    def __init__(self) -> None:
        self._known = Known(Epoch(0), 0)

    def at(self, epoch: Epoch, undone: int) -> Known:
        """What is known now; to be asked in the transaction that reads."""
        known = self._known
        if (known.epoch, known.undone) != (epoch, undone):
            known = self._known = Known(epoch, undone)
        return known
