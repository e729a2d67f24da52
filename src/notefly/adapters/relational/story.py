"""One delivery, told from the beginning: attempts along its lineage, and earlier rounds."""

from collections.abc import Iterator

from notefly.adapters.relational.rows import reason_of
from notefly.adapters.relational.standing import Found, Place, Teller
from notefly.adapters.relational.times import maybe_moment, moment
from notefly.adapters.relational.transaction import Reading
from notefly.domain.delivery import State
from notefly.domain.log import DeliveryStory, EarlierRound, LoggedAttempt


def story(reading: Reading, teller: Teller, place: Place, at: Found) -> DeliveryStory:
    """Everything that is known of it, from one moment."""
    [delivery] = teller.told(reading, [(place, at)])
    return DeliveryStory(
        delivery=delivery,
        message=place.message,
        attempts=sorted(_attempts(reading, at), key=lambda attempt: attempt.number),
        rounds=list(_rounds(reading, place, at)),
    )


def _attempts(reading: Reading, at: Found) -> Iterator[LoggedAttempt]:
    """From the batch that ended it back to the one it was planned in."""
    batch, through = at.batch, at.attempt
    while batch is not None:
        for row in reading.rows("deliveries.attempts", (batch, through)):
            number, worker, claimed_at, started_at, _, ended_at, ending, detail = row
            if started_at is None:
                key = (batch, number, at.subscriber, at.subscriber)
                handed = reading.row("deliveries.handover", key)
                started_at, detail = (handed[0], handed[2] or detail) if handed else (None, detail)
            yield LoggedAttempt(
                number=number,
                worker=worker,
                claimed_at=moment(claimed_at),
                started_at=maybe_moment(started_at),
                ended_at=maybe_moment(ended_at),
                ending=ending or "running",
                detail=detail,
            )
        base, parent = (reading.row("deliveries.batch", (batch,)) or (0,) * 10)[5::4]
        batch, through = parent, base


def _rounds(reading: Reading, place: Place, at: Found) -> Iterator[EarlierRound]:
    key = (place.message.key, place.channel, at.subscriber)
    for number, reason, detail, ended_at, reopened_at in reading.rows(
        "deliveries.earlier_rounds", key
    ):
        ended = moment(reopened_at if ended_at is None else ended_at)
        yield EarlierRound(number, State.DEAD, reason_of(reason), detail, ended)
