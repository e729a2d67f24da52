"""What the store and the queue must do, in plain Python: lists, sets and a clock's reading."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notefly.domain.batch import BatchRef
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, MessageId, SubscriberId, SubscriberKey
from notefly.domain.outcome import Verdict
from notefly.domain.subscriber import Preferences
from tests.support.world import KINDS

CHANNELS = tuple(KINDS)
UNSUBSCRIBED = Verdict(State.CANCELLED, Reason.UNSUBSCRIBED)
NO_BATCH = BatchKey(0)
Choice = tuple[SubscriberKey, str, str]
"""Who, in which category, on which channel."""


@dataclass
class Delivery:
    """One message to one person on one channel."""

    opened: int
    """When the choice was made that it goes back to; another choice later is another one."""
    state: State = State.PENDING
    reason: Reason | None = None
    attempts: int = 0
    round: int = 1
    batch: BatchKey = NO_BATCH


@dataclass
class Letter:
    """A message, and everybody it is for."""

    id: MessageId
    category: str
    expires_at: datetime | None
    deliveries: dict[tuple[str, SubscriberKey], Delivery]
    unplanned: dict[str, list[SubscriberKey]]
    cancelled: bool = False


@dataclass
class Work:
    """A batch: who is left in it, and where it stands."""

    key: BatchKey
    letter: Letter
    channel: str
    left: list[SubscriberKey]
    base: int = 0
    attempts: int = 0
    spent: int = 0
    deaths: int = 0
    half: bool = False
    leased_until: float | None = None
    due: datetime | None = None
    expires_at: datetime | None = None

    @property
    def standing(self) -> State:
        if self.leased_until is not None:
            return State.SENDING
        if self.spent:
            return State.RETRYING
        begun = self.attempts > self.base or self.half
        return State.SENDING if begun else State.PENDING

    def stops(self, at: datetime) -> Verdict | None:
        """What becomes of whoever is left, if nobody may start any more."""
        if self.letter.cancelled:
            return Verdict(State.CANCELLED, Reason.STOPPED)
        expiry = self.expires_at or self.letter.expires_at
        if expiry is not None and expiry <= at:
            return Verdict(State.DEAD, Reason.EXPIRED)
        return None


@dataclass
class Model:
    """Everything, as it should be."""

    moves: int = 0
    people: dict[SubscriberId, SubscriberKey] = field(default_factory=dict)
    choices: dict[Choice, int] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    works: dict[BatchKey, Work] = field(default_factory=dict)
    ended: Counter[tuple[str, State]] = field(default_factory=Counter)

    def choose(self, key: SubscriberKey, wanted: Preferences) -> None:
        self.moves += 1
        chosen = {(key, category, channel) for category, channel in wanted.choices()}
        for choice in [c for c in self.choices if c[0] == key and c not in chosen]:
            del self.choices[choice]
        for choice in chosen - self.choices.keys():
            self.choices[choice] = self.moves

    def accept(
        self,
        message: MessageId,
        category: str,
        expires_at: datetime | None,
        only: SubscriberKey | None,
    ) -> None:
        deliveries = {
            (channel, key): Delivery(opened)
            for (key, chosen, channel), opened in self.choices.items()
            if chosen == category and only in (None, key)
        }
        waiting = {
            channel: sorted(key for name, key in deliveries if name == channel)
            for channel in CHANNELS
        }
        self.letters.append(Letter(message, category, expires_at, deliveries, waiting))

    def plan(self, refs: Sequence[BatchRef], more: bool) -> None:
        """The next of a message's people on that channel, in order."""
        for ref in refs:
            letter = self.letters[ref.message - 1]
            waiting = letter.unplanned[ref.channel]
            members, letter.unplanned[ref.channel] = waiting[: ref.size], waiting[ref.size :]
            assert len(members) == ref.size
            self.works[ref.batch] = Work(ref.batch, letter, ref.channel, members)
        if not more:
            for letter in self.letters:
                assert not any(letter.unplanned.values())

    def open_works(self) -> list[Work]:
        return [work for work in self.works.values() if work.left]

    def consents(self, work: Work, key: SubscriberKey) -> bool:
        choice = (key, work.letter.category, work.channel)
        return self.choices.get(choice) == work.letter.deliveries[work.channel, key].opened

    def end(self, work: Work, key: SubscriberKey, verdict: Verdict) -> None:
        delivery = work.letter.deliveries[work.channel, key]
        assert delivery.state not in (State.DELIVERED, State.DEAD, State.CANCELLED)
        delivery.state, delivery.reason = verdict.state, verdict.reason
        delivery.attempts, delivery.batch = work.attempts, work.key
        work.left.remove(key)
        self.ended[work.channel, verdict.state] += 1

    def stop(self, work: Work, verdict: Verdict) -> None:
        for key in list(work.left):
            self.end(work, key, verdict if self.consents(work, key) else UNSUBSCRIBED)

    def record(
        self,
        work: Work,
        members: Sequence[SubscriberKey],
        default: Verdict,
        exceptions: Mapping[SubscriberKey, Verdict],
    ) -> list[Work]:
        """The whole batch was handed over; the parts that wait on their own (without keys yet)."""
        apart: dict[datetime, list[SubscriberKey]] = {}
        for key in list(work.left):
            verdict = exceptions.get(key, default) if key in members else UNSUBSCRIBED
            if verdict.due_at is None:
                self.end(work, key, verdict)
            elif key in exceptions:
                apart.setdefault(verdict.due_at, []).append(key)
                work.left.remove(key)
        work.leased_until = None
        parts = [
            self._child(work, keys, spent=work.spent + 1, due=due)
            for due, keys in sorted(apart.items())
        ]
        if work.left:
            work.spent, work.due = work.spent + 1, default.due_at
            parts.append(work)
        return parts

    def die(self, work: Work, suspects: Sequence[SubscriberKey] = ()) -> list[Work]:
        """A worker died on it: the second time it is halved, alone it is dead."""
        work.leased_until = None
        work.deaths += 1
        if len(suspects) == 1 < len(work.left):
            work.left.remove(suspects[0])
            work.deaths = 1
            apart = self._child(work, list(suspects), spent=work.spent, due=None, half=True)
            apart.deaths = 1
            return [apart, work]
        if work.deaths >= 2 and len(work.left) == 1:
            self.end(work, work.left[0], Verdict(State.DEAD, Reason.POISON))
            return []
        if work.deaths < 2 or not work.left:
            return [work] if work.left else []
        keys, work.left = work.left, []
        middle = len(keys) // 2
        return [
            self._child(work, part, spent=work.spent, due=None, half=True)
            for part in (keys[:middle], keys[middle:])
        ]

    def name(self, parts: Sequence[Work], refs: Sequence[BatchRef]) -> None:
        """The store says which keys the parts were given."""
        assert [(p.channel, len(p.left), p.due) for p in parts] == [
            (ref.channel, ref.size, ref.due_at) for ref in refs
        ]
        for part, ref in zip(parts, refs, strict=True):
            part.key = ref.batch
            self.works[ref.batch] = part

    def dead(self) -> Iterator[tuple[Letter, str, SubscriberKey, Delivery]]:
        for letter in self.letters:
            for (channel, key), delivery in letter.deliveries.items():
                if delivery.state is State.DEAD:
                    yield letter, channel, key, delivery

    def reopen(
        self, letter: Letter, channel: str, keys: Sequence[SubscriberKey], until: datetime | None
    ) -> Work:
        for key in keys:
            delivery = letter.deliveries[channel, key]
            delivery.state, delivery.reason = State.PENDING, None
            delivery.round += 1
        number = letter.deliveries[channel, keys[0]].attempts
        return Work(BatchKey(0), letter, channel, list(keys), number, number, expires_at=until)

    def expected(self, letter: Letter) -> dict[tuple[str, SubscriberKey], Delivery]:
        """Every delivery, those that are derived from a batch included."""
        for work in self.open_works():
            if work.letter is letter:
                for key in work.left:
                    delivery = letter.deliveries[work.channel, key]
                    delivery.state, delivery.attempts = work.standing, work.attempts
        return letter.deliveries

    @staticmethod
    def _child(
        work: Work,
        keys: list[SubscriberKey],
        *,
        spent: int,
        due: datetime | None,
        half: bool = False,
    ) -> Work:
        return Work(
            BatchKey(0),
            work.letter,
            work.channel,
            keys,
            work.attempts,
            work.attempts,
            spent,
            half=half,
            due=due,
            expires_at=work.expires_at,
        )
