"""What people chose: all of it, or one choice at a time."""

from notefly.application.subscribers import ProfileChange, Subscribers
from notefly.broker import people
from notefly.broker.answers import Answer, json_answer
from notefly.broker.body import read_json
from notefly.broker.injection import Injected
from notefly.broker.reading import Reader
from notefly.broker.requests import ChoiceIn, PreferencesIn
from notefly.broker.routing import READ_PEOPLE, SUBSCRIBERS, Body, Gives, Operation, Routes
from notefly.domain.ids import SubscriberId

ROUTES = Routes("preferences", "What people chose.")
PATH = "/v1/subscribers/<subscriber_id>/preferences"
PREFERENCES = Reader(PreferencesIn)
CHOICE = Reader(ChoiceIn)


@ROUTES.add(
    "GET",
    PATH,
    READ_PEOPLE,
    Operation("Their choices", {200: Gives(people.PreferencesView)}),
)
async def show_preferences(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    found = await subscribers.get(SubscriberId(subscriber_id))
    return json_answer(people.preferences(found.profile.preferences))


@ROUTES.add(
    "PUT",
    PATH,
    SUBSCRIBERS,
    Operation(
        "Replace their choices",
        {200: Gives(people.PreferencesView)},
        description="A message in category c goes out on `overrides[c]` where that is given (it "
        "may be empty), else on `channels`, and only if c is in `categories`.",
        body=Body(PreferencesIn),
    ),
)
async def put_preferences(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    written = await read_json(PREFERENCES)
    change = ProfileChange(preferences=written.preferences())
    stored = await subscribers.revise(SubscriberId(subscriber_id), change)
    return json_answer(people.preferences(stored.profile.preferences))


@ROUTES.add(
    "PATCH",
    PATH,
    SUBSCRIBERS,
    Operation(
        "Change one choice",
        {200: Gives(people.PreferencesView)},
        description="A channel of a category on or off, or without a category one of `channels`; "
        "all other choices stay, whoever changes them at the same time. A category without a "
        "channel is not followed any more; one whose channels are the usual ones has no override.",
        body=Body(ChoiceIn),
    ),
)
async def change_choice(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    written = await read_json(CHOICE)
    stored = await subscribers.revise(SubscriberId(subscriber_id), written.change())
    return json_answer(people.preferences(stored.profile.preferences))
