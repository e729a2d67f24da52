"""Every error that Notefly raises on purpose.

NoteflyError
 ├─ Invalid              content that cannot be accepted; carries every problem found
 │   └─ KeyReused        an idempotency key that already stands for another request
 ├─ NotFound             no such message, delivery, subscriber, channel …
 ├─ Conflict             the thing exists, but its state forbids the call
 ├─ KeyMissing           an API key is wanted, and none was given
 ├─ KeyRefused           an API key that was never made, or was revoked
 ├─ ScopeMissing         a good API key that is not for this; carries what is missing
 ├─ LinkRefused          a personal link that opens nothing, for whatever reason
 ├─ Unavailable          nothing was stored; try again after `retry_after_seconds`
 ├─ CommitUnknown        it may have been stored or not: nobody may be told either
 ├─ StoreLocked          the data directory belongs to a running broker
 ├─ StoreUnusable        the store cannot be opened: wrong version, corrupt, not writable
 ├─ QueueUnusable        the queue cannot be opened: away, too old, not set up for it
 └─ ChannelUnusable      a channel that cannot be loaded; says which and why
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: `pointer` is a JSON pointer (RFC 6901) into its body."""

    pointer: str
    detail: str


class NoteflyError(Exception):
    """The root; `str()` of any of them says what to do next."""


class Invalid(NoteflyError):  # noqa: N818 - reads as the HTTP answer it becomes
    """The content is understood and refused; nothing was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in self.problems))

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Invalid":
        """One problem at one place."""
        return cls([Problem(pointer, detail)])

    def under(self, prefix: str) -> "Invalid":
        """The same problems, seen from a document that holds this one at `prefix`."""
        return type(self)([Problem(prefix + p.pointer, p.detail) for p in self.problems])


class KeyReused(Invalid):
    """The idempotency key already stands for a request with other content."""


class NotFound(NoteflyError):  # noqa: N818
    """An id of any shape that names nothing."""


class Conflict(NoteflyError):  # noqa: N818
    """The state of the thing forbids the call, for example replaying what is not dead."""


class KeyMissing(NoteflyError):  # noqa: N818
    """Who asks has to say who they are."""


class KeyRefused(NoteflyError):  # noqa: N818
    """Never made, wrong or revoked: which of them is nobody's business."""


class ScopeMissing(NoteflyError):  # noqa: N818
    """`scopes`: any one of them would do."""

    def __init__(self, scopes: Sequence[str]) -> None:
        self.scopes = tuple(scopes)
        wanted = " or ".join(self.scopes)
        super().__init__(
            f"this API key lacks the scope {wanted}; "
            f"`notefly keys create NAME --scope {self.scopes[0]}` makes one that has it"
        )


class LinkRefused(NoteflyError):  # noqa: N818
    """Unknown, expired, altered, or of somebody who was erased: all are told the same."""


class Unavailable(NoteflyError):  # noqa: N818
    """There is no room or no store right now; nothing was stored."""

    def __init__(self, detail: str, retry_after_seconds: int = 5) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(detail)


class CommitUnknown(NoteflyError):  # noqa: N818
    """The answer to a commit was lost: any answer, good or bad, could be a lie.

    Whoever asked must be left without one (the connection closes); their idempotency key resolves
    it when they ask again.
    """


class StoreLocked(NoteflyError):  # noqa: N818
    """Another broker owns the data directory."""


class StoreUnusable(NoteflyError):  # noqa: N818
    """The store cannot be opened or trusted."""


class QueueUnusable(NoteflyError):  # noqa: N818
    """The server of the queue cannot be reached at start, or cannot do what is needed."""


class ChannelUnusable(NoteflyError):  # noqa: N818
    """A channel that cannot be loaded."""
