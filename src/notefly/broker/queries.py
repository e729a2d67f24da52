"""What callers ask: query strings."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from quart import request

from notefly.broker.fields import Query, QueryMoment
from notefly.broker.reading import pointer, problems_of
from notefly.broker.requests import ReplayManyIn
from notefly.domain.delivery import Reason, State
from notefly.domain.errors import Invalid, NotFound, Problem
from notefly.domain.ids import SubscriberId, parse_message_id
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import LINE_OR_CONTROL
from notefly.domain.subscriber import NAME_LIMIT

Q = TypeVar("Q", bound=Query)
Limit = Annotated[int, Field(ge=1, le=1_000)]
Cursor = Annotated[str, Field(min_length=1, max_length=512)]


def one_or_more(value: object) -> object:
    """A parameter that may be repeated is a list even when it is there once."""
    return [value] if isinstance(value, str) else value


Several = Annotated[list[str], BeforeValidator(one_or_more)]


class Nothing(Query):
    """No parameters."""


class Listing(Query):
    limit: Limit = 50
    cursor: Cursor | None = Field(None, description="`next` of the page before.")


def searched(text: str) -> str:
    """Names and ids hold no control characters, and stores would not all take one."""
    if LINE_OR_CONTROL.search(text):
        raise ValueError("must not hold control characters")
    return text


class SubscribersQuery(Listing):
    """Nobody is found by an address: those are masked wherever they are not asked for."""

    q: Annotated[str, AfterValidator(searched)] | None = Field(
        None,
        min_length=1,
        max_length=NAME_LIMIT,
        description="Only those whose id or name holds this text; A to Z in either case.",
    )


class DryRun(Query):
    dry_run: bool = Field(default=False, description="Look at what would happen; store nothing.")


class MessagesQuery(Listing):
    category: str | None = None


class DeliveriesQuery(Listing):
    """`since` and `until` are about when the message was accepted."""

    message: str | None = None
    subscriber: str | None = None
    category: str | None = None
    channel: str | None = None
    state: State | None = None
    reason: Reason | None = None
    since: QueryMoment | None = None
    until: QueryMoment | None = None

    def wanted(self) -> DeliveryFilter | None:
        """None where nothing can match, because no message has such an id."""
        return filter_of(self, self.state)


class DeadLettersQuery(DeliveriesQuery):
    state: Literal[State.DEAD] = State.DEAD
    group_by: Literal["reason"] | None = None


class EventsQuery(Query):
    message: str | None = None
    channel: str | None = None
    category: str | None = None
    after: int | None = Field(
        None, ge=0, le=2**63 - 1, description="Start behind this event; `Last-Event-ID` wins."
    )


class LinkQuery(Query):
    """A personal link stands for an API key, for that one person's page."""

    link: str | None = Field(None, description="A personal link's token.")


class SubPageQuery(LinkQuery):
    """For the page `subscriber` picks whose it is; for the stream it leaves out what others get."""

    subscriber: str | None = None
    category: Several = Field([], description="Only these; may be repeated. For the stream.")
    after: str | None = Field(
        None, description="Start the stream behind this message; `Last-Event-ID` wins."
    )
    saved: Literal["saved", "left"] | None = Field(None, description="What the page confirms.")


def filter_of(
    asked: "DeliveriesQuery | ReplayManyIn", state: State | None
) -> DeliveryFilter | None:
    """None where nothing can match."""
    try:
        message = None if asked.message is None else parse_message_id(asked.message)
    except NotFound:
        return None
    return DeliveryFilter(
        message=message,
        subscriber=None if asked.subscriber is None else SubscriberId(asked.subscriber),
        category=asked.category,
        channel=asked.channel,
        state=state,
        since=asked.since,
        until=asked.until,
        reason=asked.reason,
    )


def read_query(kind: type[Q]) -> Q:
    """What this request asks. Raises Invalid; a parameter is at `/<name>`."""
    given: dict[str, object] = {}
    problems: list[Problem] = []
    for name, values in request.args.lists():
        several = name in kind.model_fields and kind.model_fields[name].annotation == list[str]
        if len(values) > 1 and not several:
            problems.append(Problem(pointer([name]), "is given more than once"))
        given[name] = values if several else values[0]
    try:
        asked = kind.model_validate(given)
    except ValidationError as error:
        raise Invalid(problems + problems_of(error)) from None
    if problems:
        raise Invalid(problems)
    return asked
