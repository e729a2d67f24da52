"""What a message in the stream says, and what the replies of the server mean."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg

from notefly.adapters.jetstream.streams import Address
from notefly.domain.batch import BatchRef
from notefly.domain.ids import BatchKey, MessageKey

STATUS = "Status"
DONE = b"+ACK"
STILL_ON_IT = b"+WPI"
GIVEN_BACK = b"-NAK"
NEVER_AGAIN = b"+TERM"


@dataclass(slots=True)
class Held:
    """A message that was given to this process, and the subject on which it is answered for."""

    ref: BatchRef
    address: Address
    sequence: int
    reply: str


def written(ref: BatchRef) -> bytes:
    """JSON; put together here, because names of channels need no escape, and it is much faster."""
    due = "null" if ref.due_at is None else ref.due_at.timestamp()
    return f'[{ref.batch}, {ref.message}, "{ref.channel}", {ref.size}, {due}]'.encode()


def read(payload: bytes) -> BatchRef:
    """Raises ValueError. What a newer process says beyond that is not for us."""
    match json.loads(payload):
        case [int(batch), int(message), str(channel), int(size), due, *_]:
            pass
        case _:
            raise ValueError("not a batch")
    due_at = None if due is None else datetime.fromtimestamp(due, UTC)
    return BatchRef(BatchKey(batch), MessageKey(message), channel, size, due_at)


def as_held(message: Msg, address: Address) -> Held:
    """Raises ValueError."""
    sequence = message.metadata.sequence.stream
    return Held(read(message.data), address, sequence, message.reply)


def given_back(delay_seconds: float) -> bytes:
    """To be handed out again after the delay."""
    if delay_seconds <= 0:
        return GIVEN_BACK
    return GIVEN_BACK + b" " + json.dumps({"delay": int(delay_seconds * 1e9)}).encode()


def status(message: Msg) -> str | None:
    """What ends a list of messages; None for a message of the list."""
    return (message.headers or {}).get(STATUS)


def alike(one: BatchRef, other: BatchRef, now: datetime) -> bool:
    """Whether both may be handed out at the same time."""
    return _due(one, now) == _due(other, now)


def _due(ref: BatchRef, now: datetime) -> datetime:
    return now if ref.due_at is None else max(ref.due_at, now)
