"""From the bytes of a registration to its 201."""

from collections.abc import Callable

from notefly.application.subscribers import Subscribers
from notefly.broker import people
from notefly.broker.answers import Answer, json_answer
from notefly.broker.ndjson import Lines, LinesReader
from notefly.broker.people import where_written
from notefly.broker.reading import Reader, pointer
from notefly.broker.requests import SubscriberIn
from notefly.domain.errors import Invalid, Problem
from notefly.domain.subscriber import Profile

NewId = Callable[[], str]
SUBSCRIBER = Reader(SubscriberIn)
SUBSCRIBERS = LinesReader(SUBSCRIBER, lambda written: written)


async def register_one(subscribers: Subscribers, new_id: NewId, body: bytes) -> Answer:
    """Raises what `problems` knows."""
    written = SUBSCRIBER.read(body)
    try:
        [stored] = await subscribers.add([_profile(written, new_id)])
    except Invalid as error:
        raise where_written(error, written.shorthands, "/0") from None
    address = ("Location", f"/v1/subscribers/{stored.profile.id}")
    return json_answer(people.subscriber(stored), 201, [address])


async def register_many(subscribers: Subscribers, new_id: NewId, lines: Lines) -> Answer:
    """All lines in one commit, or none."""
    written = await SUBSCRIBERS.read(lines)
    try:
        stored = await subscribers.add(_profiles(written, new_id))
    except Invalid as error:
        raise lines.placed(_where_written(error, written)) from None
    told: people.CreatedManyView = {
        "created": len(stored),
        "ids": [one.profile.id for one in stored],
    }
    return json_answer(told, 201)


def _profiles(written: list[SubscriberIn], new_id: NewId) -> list[Profile]:
    profiles: list[Profile] = []
    problems: list[Problem] = []
    for line, one in enumerate(written):
        try:
            profiles.append(_profile(one, new_id))
        except Invalid as error:
            problems += error.under(f"/{line}").problems
    if problems:
        raise Invalid(problems)
    return profiles


def _profile(written: SubscriberIn, new_id: NewId) -> Profile:
    return written.profile(new_id() if written.id is None else written.id)


def _where_written(error: Invalid, written: list[SubscriberIn]) -> Invalid:
    """Each problem told where its line wrote the address."""
    found: list[Problem] = []
    for problem in error.problems:
        _, line, *_ = [*problem.pointer.split("/", 2), ""]
        if line.isdigit():
            alone = Invalid([problem])
            moved = where_written(alone, written[int(line)].shorthands, f"/{line}")
            found += moved.under(pointer([line])).problems
        else:
            found.append(problem)
    return Invalid(found)
