"""People choose, messages are published: the rules of everything before a 202."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from notefly.domain.errors import KeyReused
from notefly.domain.ids import SubscriberId
from notefly.domain.message import Content
from notefly.domain.subscriber import Preferences, Profile
from tests.model.life import CATEGORIES, Life, categories, names, picks, preferences
from tests.model.model import CHANNELS
from tests.support.story import publication


class Publishing(Life):
    """Registers, changes, erases, publishes, cancels."""

    @initialize(crowd=st.sampled_from([True, True, False]))
    def somebody_is_there(self, crowd: bool) -> None:
        everything = Preferences(frozenset(CATEGORIES), frozenset(CHANNELS))
        for name in "abcd" if crowd else "":
            self.choose.__wrapped__(self, SubscriberId(name), everything)  # type: ignore[attr-defined]

    @rule(name=names, wanted=preferences)
    def choose(self, name: SubscriberId, wanted: Preferences) -> None:
        profile = Profile(name, name, {"phone": "1", "email": "2", "push_token": "3"}, wanted)
        stored, new = self.run(self.world.subscribers.put(profile, self.clock.now()))
        assert new == (name not in self.model.people)
        self.model.people[name] = stored.key
        self.model.choose(stored.key, wanted)

    @rule(name=names)
    def erase(self, name: SubscriberId) -> None:
        erased = self.run(self.world.subscribers.erase(name, self.clock.now()))
        key = self.model.people.pop(name, None)
        assert erased == (key is not None)
        if key is not None:
            self.model.choose(key, Preferences())

    # Messages

    @rule(
        category=categories,
        expires=st.sampled_from([None, None, 30, 300]),
        key=st.sampled_from([None, None, "k1", "k2"]),
        only=st.sampled_from([None, None, None, "a"]),
    )
    def publish(
        self, category: str, expires: int | None, key: str | None, only: SubscriberId | None
    ) -> None:
        now = self.clock.now()
        expires_at = None if expires is None else now + timedelta(seconds=expires)
        person = only if only in self.model.people else None
        content = Content(category, "Goal!", None, expires_at, person)
        request = self.world.messages.accept(publication(self.world, content, key=key))
        if key in self.receipts and self.receipts[key][0] != content:
            with pytest.raises(KeyReused):
                self.run(request)
            return
        receipt = self.run(request)
        if key in self.receipts:
            assert receipt.replayed
            assert receipt.ids == self.receipts[key][1].ids
            return
        assert not receipt.replayed
        if key is not None:
            self.receipts[key] = (content, receipt)
        who = self.model.people[person] if person else None
        self.model.accept(receipt.ids[0], category, expires_at, who)

    @precondition(lambda self: self.receipts)
    @rule(pick=picks)
    def ask_again(self, pick: int) -> None:
        key = sorted(self.receipts)[pick % len(self.receipts)]
        content, first = self.receipts[key]
        again = self.run(self.world.messages.accept(publication(self.world, content, key=key)))
        assert (again.ids, again.accepted_at) == (first.ids, first.accepted_at)
        assert again.replayed

    @precondition(lambda self: self.model.letters)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        letter = self.model.letters[pick % len(self.model.letters)]
        status = self.run(self.world.messages.get(letter.id))
        assert status is not None
        # A store may find out only at its next look that all of it is planned.
        planned = status.total is not None
        assert not (planned and any(letter.unplanned.values()))
        assert self.run(self.world.messages.cancel(letter.id, self.clock.now()))
        mine = [work for work in self.model.open_works() if work.letter is letter]
        if not letter.cancelled and (mine or not planned):
            letter.cancelled = True
            for work in mine:
                if work.leased_until is None:
                    work.due = None
        self._offer_unfinished()
