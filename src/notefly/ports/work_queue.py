"""The point-to-point queue of batches."""

from collections.abc import Sequence
from typing import Protocol

from notefly.domain.batch import BatchRef
from notefly.domain.ids import BatchKey


class WorkQueue(Protocol):
    """Hands each batch to one receiver at a time and keeps it until it is acked.

    It carries hints: the store is the record, and losing the queue costs a delay.
    Order is not promised, but messages take turns: a small one does not wait for a large one.
    """

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        """Put batches in; one that is already there is kept once. `due_at` is honoured."""
        ...

    async def receive(self, channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
        """Wait until something is ready here: about `rows` deliveries, one batch at least."""
        ...

    async def ack(self, batches: Sequence[BatchKey]) -> None:
        """Delete: the work is recorded."""
        ...

    async def nack(self, batches: Sequence[BatchKey], delay_seconds: float) -> None:
        """Give back, to be handed out again after the delay."""
        ...

    async def depth(self) -> int:
        """Batches in the queue, those handed out included."""
        ...

    async def ready(self) -> None:
        """Raises Unavailable while it cannot be reached; what is accepted then waits in the store.

        The other calls do not wait for a server that is away: they raise Unavailable too, except
        `receive`, which goes on waiting, and `ack` and `nack`, which leave the batch to come back.
        """
        ...
