"""How much of a channel's work is done in one go."""

from dataclasses import dataclass

HAND_OVER_SECONDS = 0.5
"""Work in one hand-over: consent is never older than this when somebody's turn comes."""
TOGETHER_SECONDS = 0.01
"""Work in small batches that are claimed, read, called and recorded together: a commit and a
reading for each would cost more than their calls, and this much later nobody notices."""
FIRST_HAND_OVER = 4
GROWTH = 8
"""How much larger one hand-over may be than the last."""
FIRST_REST_SECONDS, REST_SECONDS = 0.01, 1.0
PATIENCE = 8
"""Hand-overs in vain before they are larger again, whoever is in them."""


@dataclass(slots=True)
class Stride:
    """How many recipients a channel takes in one hand-over."""

    seconds_each: float = HAND_OVER_SECONDS / FIRST_HAND_OVER
    """A few at first: nobody knows yet how long a channel takes."""
    in_vain: int = 0
    """Hand-overs in a row of which nobody was taken."""
    died: bool = False
    """Whether the channel died in the last one."""

    def recipients(self, at_most: int, spent: int) -> int:
        """At most half a second of work, and fewer with each try.

        Whatever is wrong with one of them (`send` raises) must not cost the others their attempts:
        they are told apart before those run out. Not so while the channel takes nobody at all.
        """
        in_time = int(HAND_OVER_SECONDS / self.seconds_each)
        apart = int(at_most / GROWTH ** (spent - 1))
        anyhow = GROWTH ** min(self.in_vain // PATIENCE, PATIENCE) if self.in_vain else 0
        return max(1, min(at_most, in_time, max(apart, anyhow)))

    @property
    def together(self) -> int:
        """How many recipients of small batches are claimed in one go; no more than one batch after
        trouble, because each may have to wait for its call, and none shall for its record."""
        return 1 if self.troubled else max(1, int(TOGETHER_SECONDS / self.seconds_each))

    @property
    def troubled(self) -> bool:
        """Whether the last hand-over killed the channel, or nobody in it was taken."""
        return self.died or self.in_vain > 0

    @property
    def rest_seconds(self) -> float:
        """Longer and longer while nobody is taken: a channel that is down must not cost the others
        the store's time, nor its own deliveries their attempts in no time."""
        beyond = self.in_vain - PATIENCE
        return 0.0 if beyond < 0 else min(REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(beyond, 32))

    def answered(self, *, taken: bool) -> None:
        self.in_vain = 0 if taken else self.in_vain + 1
        self.died = False

    def measured(self, recipients: int, seconds: float) -> None:
        """Slower counts at once; faster is believed step by step."""
        cost = max(seconds, 1e-9) / recipients
        self.seconds_each = max(cost, self.seconds_each / GROWTH)
