"""Who gets a message: the one rule, and the batches planned by it, against a plain model."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from notefly.domain.ids import MessageId, SubscriberId
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from notefly.domain.subscriber import Preferences
from tests.support.story import logged, plan, profile, publish
from tests.support.time import VirtualClock
from tests.support.world import CATEGORIES, KINDS, World, sqlite_memory

categories = st.sets(st.sampled_from(CATEGORIES)).map(frozenset)
channels = st.sets(st.sampled_from(sorted(KINDS))).map(frozenset)
preferences = st.builds(
    Preferences, categories, channels, st.dictionaries(st.sampled_from(CATEGORIES), channels)
)
people = st.sampled_from(["ada", "bob", "cleo"]).map(SubscriberId)
changes = st.one_of(
    st.tuples(people, preferences),
    st.tuples(people, st.none()),
    st.sampled_from(CATEGORIES),
)
"""Somebody chooses, somebody is erased, a message is published."""
Step = tuple[SubscriberId, Preferences | None] | str


def gets(chosen: Preferences, category: str, channel: str) -> bool:
    """The rule, spelled out."""
    if category not in chosen.categories:
        return False
    if category in chosen.overrides:
        return channel in chosen.overrides[category]
    return channel in chosen.channels


@given(preferences)
def test_choices_are_what_the_rule_says(chosen: Preferences) -> None:
    assert chosen.choices() == {
        (category, channel)
        for category in CATEGORIES
        for channel in KINDS
        if gets(chosen, category, channel)
    }


@given(preferences)
def test_everything_named_is_checked(chosen: Preferences) -> None:
    named = {channel for _, channel in chosen.choices()}
    assert named <= chosen.channels_named()
    assert chosen.categories <= chosen.categories_named()
    assert set(chosen.overrides) <= chosen.categories_named()


@dataclass
class Model:
    """Who stands where, and who every message was for: people by the key of their life."""

    standing: dict[SubscriberId, tuple[int, Preferences]] = field(default_factory=dict)
    expected: dict[MessageId, list[tuple[int, str]]] = field(default_factory=dict)

    def audience(self, category: str) -> list[tuple[int, str]]:
        return sorted(
            (key, channel)
            for key, chosen in self.standing.values()
            for channel in KINDS
            if gets(chosen, category, channel)
        )

    async def take(self, world: World, step: Step) -> None:
        """The same in the store and here."""
        at = world.clock.now()
        if isinstance(step, str):
            wanted = self.audience(step)
            reach = await world.subscribers.audience(step, None, 10)
            assert sum(reach.by_channel.values()) == len(wanted)
            assert reach.subscribers == len({key for key, _ in wanted})
            self.expected[await publish(world, Content(step, "x"))] = wanted
        elif step[1] is None:
            erased = await world.subscribers.erase(step[0], at)
            assert erased == (self.standing.pop(step[0], None) is not None)
        else:
            wished = replace(profile(step[0]), preferences=step[1])
            stored, new = await world.subscribers.put(wished, at)
            assert new == (step[0] not in self.standing)
            self.standing[step[0]] = (stored.key, step[1])


@settings(max_examples=40, deadline=None)
@given(st.lists(changes, max_size=12), st.sets(st.integers(0, 11)))
async def test_batches_are_the_audience_of_the_moment(
    history: Sequence[Step], planned_after: set[int]
) -> None:
    """Whenever planning comes, it finds the choices at acceptance, whatever changed since."""
    model = Model()
    async with sqlite_memory(Path(), VirtualClock()) as world:
        for n, step in enumerate(history):
            await model.take(world, step)
            if n in planned_after:
                await plan(world, size=2)
        await plan(world, size=2)
        for message, wanted in model.expected.items():
            lines = await logged(world, DeliveryFilter(message=message))
            assert sorted((line.subscriber_key, line.channel) for line in lines) == wanted
            status = await world.messages.get(message)
            assert status is not None
            assert status.total == len(wanted)
