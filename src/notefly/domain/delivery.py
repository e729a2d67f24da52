"""One message to one subscriber on one channel, and how it can end."""

from enum import IntEnum, StrEnum


class State(StrEnum):
    """The states of a delivery; only the last three have an end."""

    PENDING = "pending"
    SENDING = "sending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the round is over."""
        return self in TERMINAL


TERMINAL = frozenset({State.DELIVERED, State.DEAD, State.CANCELLED})


class Reason(StrEnum):
    """Why a delivery is dead or cancelled."""

    EXHAUSTED = "exhausted"
    """The attempts are used up."""
    EXPIRED = "expired"
    """`expires_at` passed first."""
    REFUSED = "refused"
    """The channel said no for good."""
    POISON = "poison"
    """The worker died on it twice, alone."""
    UNSUBSCRIBED = "unsubscribed"
    """The choice was taken back before the hand-over."""
    STOPPED = "stopped"
    """The message was cancelled before the hand-over."""

    @property
    def state(self) -> State:
        """What a delivery that ended for it is."""
        cancelled = self in (Reason.UNSUBSCRIBED, Reason.STOPPED)
        return State.CANCELLED if cancelled else State.DEAD


class MessageState(StrEnum):
    """Where a whole message is."""

    ACCEPTED = "accepted"
    DELIVERING = "delivering"
    DONE = "done"


class StateCode(IntEnum):
    """How a state stands in a row of the log; `delivered` is 1, which SQLite stores in no bytes."""

    PENDING = 0
    DELIVERED = 1
    RETRYING = 2
    DEAD = 3
    CANCELLED = 4

    @property
    def state(self) -> State:
        """The word for it."""
        return State[self.name]
