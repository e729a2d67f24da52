"""The rules of the game: each does the same to the store and to the model."""

import asyncio
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.domain.batch import (
    EVERYBODY,
    NOBODY,
    BatchRef,
    Claim,
    Ending,
    Handed,
    Report,
)
from notefly.domain.delivery import Reason, State
from notefly.domain.errors import Conflict, KeyReused
from notefly.domain.ids import BatchKey, SubscriberId, delivery_id
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from notefly.domain.outcome import Verdict
from notefly.domain.subscriber import Preferences, Profile
from notefly.ports.message_store import Receipt
from tests.model.model import CHANNELS, Model, Work
from tests.support.story import LEASE, logged, publication, retry
from tests.support.time import VirtualClock
from tests.support.world import World, sqlite_file, violations

T = TypeVar("T")
CATEGORIES = ("sports", "movies")
SIZES = {"sms": 3, "email": 2, "push": 1_000}
categories = st.sampled_from(CATEGORIES)
names = st.sampled_from("abcd").map(SubscriberId)
chosen = st.sets(st.sampled_from(CHANNELS)).map(frozenset)
preferences = st.builds(
    Preferences,
    st.sets(categories, min_size=1).map(frozenset),
    chosen,
    st.dictionaries(categories, chosen, max_size=1),
)
answers = st.sampled_from(["delivered", "delivered", "refused", "retry 5", "retry 90"])
picks = st.integers(0, 1_000)


class StoreAndQueue(RuleBasedStateMachine):
    """One life of a broker's data directory."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = VirtualClock()
        self.model = Model()
        self.claims: list[Claim] = []
        self.receipts: dict[str, tuple[Content, Receipt]] = {}
        self.paused: set[str] = set()
        self._open()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def _open(self) -> None:
        self.stack = AsyncExitStack()
        self.world: World = self.run(
            self.stack.enter_async_context(sqlite_file(Path(self.folder.name), self.clock))
        )
        self.queue = InProcessQueue(self.clock)

    def verdict(self, answer: str) -> Verdict:
        word, _, seconds = answer.partition(" ")
        if word == "retry":
            return retry(self.clock.now() + timedelta(seconds=int(seconds)))
        if word == "refused":
            return Verdict(State.DEAD, Reason.REFUSED, "no")
        return Verdict(State.DELIVERED)

    # People

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
        only=st.none() | names,
    )
    def publish(
        self, category: str, expires: int | None, key: str | None, only: SubscriberId | None
    ) -> None:
        expires_at = (expires and self.clock.now() + timedelta(seconds=expires)) or None
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
        assert self.run(self.world.messages.cancel(letter.id, self.clock.now()))
        if not letter.cancelled:
            letter.cancelled = True
            for work in self.model.open_works():
                if work.letter is letter and work.leased_until is None:
                    work.due = None
        self._offer_unfinished()

    # Work

    @rule(seconds=st.sampled_from([0.0, 1.0]))
    def plan(self, seconds: float) -> None:
        planned = self.run(self.world.batches.plan(SIZES, seconds))
        self.model.plan(planned.refs, planned.more)
        self.run(self.queue.offer(planned.refs))

    @rule(rows=st.integers(1, 6))
    def receive_and_claim(self, rows: int) -> None:
        refs = self.run(self._received(rows))
        self._claim(refs)

    async def _received(self, rows: int) -> Sequence[BatchRef]:
        open_channels = frozenset(CHANNELS) - self.paused
        waiting = asyncio.ensure_future(self.queue.receive(open_channels, rows))
        for _ in range(3):
            await asyncio.sleep(0)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        await asyncio.wait([waiting])
        return []

    def _claim(self, refs: Sequence[BatchRef]) -> None:
        at = self.clock.now()
        found = self.run(self.world.batches.claim(refs, "w1", LEASE, at))
        gone, busy, claimed = [], [], []
        for ref in refs:
            work = self.model.works[ref.batch]
            if not work.left:
                gone.append(ref.batch)
            elif work.leased_until is not None or (work.due and work.due > at):
                busy.append(ref.batch)
            elif stopped := work.stops(at):
                self.model.stop(work, stopped)
                gone.append(ref.batch)
            else:
                work.attempts += 1
                work.leased_until, work.due = self.clock.monotonic() + LEASE, None
                claimed.append((work.key, work.attempts, work.spent + 1, len(work.left)))
        assert (list(found.gone), list(found.busy)) == (gone, busy)
        assert [(c.batch, c.number, c.spent, c.size) for c in found.claims] == claimed
        self.claims += found.claims
        self.run(self.queue.ack(gone))
        self.run(self.queue.nack(busy, 1.0))

    def _holds(self, claim: Claim) -> Work | None:
        """The batch, if this claim is still the one that counts."""
        work = self.model.works[claim.batch]
        fresh = work.leased_until is not None and work.attempts == claim.number
        return work if fresh and work.left else None

    def _take_claim(self, pick: int, *, keep: bool) -> Claim:
        claim = self.claims[pick % len(self.claims)]
        if not keep:
            self.claims.remove(claim)
        return claim

    def _report(self, report: Report, parts: Sequence[Work] | None) -> None:
        """None: it must be refused as stale."""
        done = self.run(self.world.batches.finish([report]))
        if parts is None:
            assert list(done.stale) == [report.claim.batch]
            assert not done.refs
            return
        assert not done.stale
        self.model.name(parts, done.refs)
        self.run(self.queue.ack([report.claim.batch]))
        self.run(self.queue.offer(done.refs))

    @precondition(lambda self: self.claims)
    @rule(
        pick=picks,
        default=answers,
        others=st.lists(answers | st.none(), max_size=4),
        keep=st.booleans(),
    )
    def finish(self, pick: int, default: str, others: list[str | None], keep: bool) -> None:
        claim, at = self._take_claim(pick, keep=keep), self.clock.now()
        part = self.run(self.world.batches.hand_over(claim, NOBODY, 100, at))
        work = self._holds(claim)
        members = [person.subscriber for person in part.recipients]
        if work is not None:
            assert part.stopped == (work.stops(at) is not None)
            wanted = [key for key in work.left if self.model.consents(work, key)]
            assert members == ([] if part.stopped else wanted)
        if part.stopped:
            parts = None if work is None else self._released(work)
            self._report(Report(claim, Ending.RELEASED, at), parts)
            return
        exceptions = {
            key: self.verdict(answer)
            for key, answer in zip(members, others, strict=False)
            if answer
        }
        one = self.verdict(default)
        handed = Handed(NOBODY, EVERYBODY, part.epoch, at, one, len(members), exceptions)
        parts = None if work is None else self.model.record(work, members, one, exceptions)
        self._report(Report(claim, Ending.FINISHED, at, [handed]), parts)

    @staticmethod
    def _released(work: Work) -> list[Work]:
        work.leased_until = None
        return [work] if work.left else []

    @precondition(lambda self: self.claims)
    @rule(pick=picks)
    def hand_over_a_part_and_stop(self, pick: int) -> None:
        claim, at = self._take_claim(pick, keep=False), self.clock.now()
        part = self.run(self.world.batches.hand_over(claim, NOBODY, 1, at))
        work = self._holds(claim)
        delivered = Verdict(State.DELIVERED)
        handed = Handed(NOBODY, part.through, part.epoch, at, delivered, len(part.recipients))
        parts = None
        if work is not None and not part.stopped:
            for key in [key for key in work.left if key <= part.through]:
                consents = self.model.consents(work, key)
                gone = Verdict(State.CANCELLED, Reason.UNSUBSCRIBED)
                self.model.end(work, key, delivered if consents else gone)
        if work is not None:
            parts = self._released(work)
        report = Report(claim, Ending.RELEASED, at, [] if part.stopped else [handed])
        self._report(report, parts)

    @precondition(lambda self: self.claims)
    @rule(pick=picks)
    def die(self, pick: int) -> None:
        claim = self._take_claim(pick, keep=False)
        work = self._holds(claim)
        parts = None if work is None else self.model.die(work)
        self._report(Report(claim, Ending.DIED, self.clock.now(), (), "signal 9"), parts)

    # Time, trouble and second thoughts

    @rule(seconds=st.sampled_from([1, 10, LEASE, 400]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def take_over(self) -> None:
        refs = self.run(self.world.batches.take_over(self.clock.now()))
        now = self.clock.monotonic()
        lost = [
            work
            for work in self.model.works.values()
            if work.leased_until is not None and work.leased_until <= now and work.left
        ]
        for work in sorted(lost, key=lambda work: work.letter.deliveries is None or work.key):
            mine = [part for part in self.model.die(work)]
            self.model.name(mine, self._of(refs, work, len(mine)))
        self.run(self.queue.offer(refs))

    def _of(self, refs: Sequence[BatchRef], work: Work, count: int) -> list[BatchRef]:
        """Those of the refs that are this batch, or new ones of its message and channel."""
        same = [ref for ref in refs if ref.batch == work.key]
        if same:
            return same
        new = [
            ref
            for ref in refs
            if ref.batch not in self.model.works
            and self.model.letters[ref.message - 1] is work.letter
            and ref.channel == work.channel
        ]
        return new[:count]

    @rule()
    def crash(self) -> None:
        self.run(self.stack.aclose())
        self._open()
        for work in self.model.open_works():
            work.leased_until = None
        self._offer_unfinished()

    def _unfinished(self) -> list[BatchRef]:
        refs: list[BatchRef] = []
        while found := self.run(
            self.world.batches.unfinished(refs[-1].batch if refs else BatchKey(0), 3)
        ):
            refs += found
        assert {ref.batch: ref.size for ref in refs} == {
            work.key: len(work.left) for work in self.model.open_works()
        }
        return refs

    def _offer_unfinished(self) -> None:
        self.run(self.queue.offer(self._unfinished()))

    @precondition(lambda self: any(True for _ in self.model.dead()))
    @rule(pick=picks, later=st.booleans())
    def replay_one(self, pick: int, later: bool) -> None:
        dead = list(self.model.dead())
        letter, channel, key, _ = dead[pick % len(dead)]
        at = self.clock.now()
        until = at + timedelta(minutes=5) if later else None
        wanted = delivery_id(letter.id, channel, key)
        request = self.world.deliveries.replay_one(wanted, until, at)
        if until is None and letter.expires_at is not None and letter.expires_at <= at:
            with pytest.raises(Conflict):
                self.run(request)
            return
        refs = self.run(request)
        self.model.name([self.model.reopen(letter, channel, [key], until)], refs)
        self.run(self.queue.offer(refs))

    @rule(limit=st.integers(1, 4))
    def replay_all(self, limit: int) -> None:
        at = self.clock.now()
        opened, refs = self.run(self.world.deliveries.replay(DeliveryFilter(), limit, None, at))
        order = self.model.letters.index
        fitting = sorted(
            (order(letter), CHANNELS.index(channel), d.batch, d.attempts, key)
            for letter, channel, key, d in self.model.dead()
            if letter.expires_at is None or letter.expires_at > at
        )[:limit]
        assert opened == len(fitting)
        rounds = {
            row: self.model.letters[row[0]].deliveries[CHANNELS[row[1]], row[4]].round
            for row in fitting
        }
        works = [
            self.model.reopen(
                self.model.letters[where[0]], CHANNELS[where[1]], [row[4] for row in rows], None
            )
            for where, rows in groupby(fitting, key=lambda row: (*row[:4], rounds[row]))
        ]
        self.model.name(works, refs)
        self.run(self.queue.offer(refs))

    @rule(channel=st.sampled_from(CHANNELS))
    def pause_or_resume(self, channel: str) -> None:
        if channel in self.paused:
            self.run(self.world.control.resume(channel))
        else:
            self.run(self.world.control.pause(channel))
        self.paused ^= {channel}
        assert self.run(self.world.control.paused()) == self.paused

    # What always holds

    @invariant()
    def the_log_is_what_the_model_says(self) -> None:
        lines = self.run(logged(self.world))
        found = {
            (line.message_id, line.channel, line.subscriber_key): (
                line.state,
                line.attempts,
                line.round,
                line.reason,
            )
            for line in lines
        }
        assert len(found) == len(lines)
        assert found == {
            (letter.id, channel, key): (d.state, d.attempts, d.round, d.reason)
            for letter in self.model.letters
            for (channel, key), d in self.model.expected(letter).items()
        }

    @invariant()
    def the_counts_add_up(self) -> None:
        for letter in self.model.letters:
            status = self.run(self.world.messages.get(letter.id))
            assert status is not None
            if status.total is None:
                continue
            assert status.total == len(letter.deliveries) == sum(status.by_state.values())
            for state, n in status.by_state.items():
                assert n == sum(d.state is state for d in letter.deliveries.values())
        totals = {key: n for key, n in self.run(self.world.figures.deliveries()).items() if n}
        assert totals == dict(self.model.ended)

    @rule()
    def verify(self) -> None:
        self.the_audit()

    def the_audit(self) -> None:
        assert self.run(violations(self.world)) == []

    def teardown(self) -> None:
        """I9: whatever happened, everything comes to an end."""
        try:
            self.the_audit()
            self._drain()
            self.the_log_is_what_the_model_says()
            self.the_audit()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _drain(self) -> None:
        self.claims.clear()
        while True:
            planned = self.run(self.world.batches.plan(SIZES, 1.0))
            self.model.plan(planned.refs, planned.more)
            if not planned.more:
                break
        self.crash()
        while refs := self._unfinished():
            self.clock.advance(100)
            self._claim(refs)
            while self.claims:
                self.finish.__wrapped__(self, 0, "delivered", [], False)  # type: ignore[attr-defined]
        terminal = {State.DELIVERED, State.DEAD, State.CANCELLED}
        for letter in self.model.letters:
            assert {d.state for d in letter.deliveries.values()} <= terminal
