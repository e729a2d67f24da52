"""Many members of a hand-over, by columns."""

from collections.abc import Iterator, Sequence
from typing import Final, overload

from typing_extensions import override

from notefly.domain.batch import Recipient

BETWEEN, COLUMN = "\x1f", "\x1e"
"""What stands between two values, and two columns: the separators of units and records in ASCII."""
COLUMNS = 4


class People(Sequence[Recipient]):
    """At least one recipient, as the store read them: one text for all.

    So a thousand go from the store to a channel's process without a step for each. Recipients are
    made only where somebody looks at one, and then once: nothing about them is of a message, so
    they serve for many.
    """

    __slots__ = ("_columns", "_made", "_size", "reachable", "text")

    def __init__(self, text: str) -> None:
        """Columns of keys, ids, names and addresses.

        Raises ValueError where a separator is in one of the values: keys have none, and so the
        columns are not four, or not of one length.
        """
        self._columns = text.split(COLUMN)
        sizes = {column.count(BETWEEN) for column in self._columns}
        if len(self._columns) != COLUMNS or len(sizes) != 1:
            raise ValueError("not four columns of one length")
        self._size = sizes.pop() + 1
        self._made: list[Recipient] | None = None
        self.text: Final = text
        self.reachable: Final = BETWEEN * 2 not in f"{BETWEEN}{self._columns[-1]}{BETWEEN}"
        """Whether each has an address."""

    @override
    def __len__(self) -> int:
        return self._size

    @override
    def __iter__(self) -> Iterator[Recipient]:
        return iter(self._recipients())

    @overload
    def __getitem__(self, index: int) -> Recipient: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Recipient]: ...
    @override
    def __getitem__(self, index: int | slice) -> Recipient | Sequence[Recipient]:
        return self._recipients()[index]

    def _recipients(self) -> list[Recipient]:
        if self._made is None:
            keys, *texts = (column.split(BETWEEN) for column in self._columns)
            self._made = Recipient.from_rows(zip(map(int, keys), *texts, strict=True))
        return self._made


def all_reachable(recipients: Sequence[Recipient]) -> bool:
    """Whether each has an address."""
    if isinstance(recipients, People):
        return recipients.reachable
    return all(recipient.address for recipient in recipients)
