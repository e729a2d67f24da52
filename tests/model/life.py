"""One life of a data directory: what is set up, and what always holds."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notefly.domain.batch import (
    BatchRef,
    Claim,
)
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, SubscriberId
from notefly.domain.message import Content
from notefly.domain.outcome import Verdict
from notefly.domain.subscriber import Preferences
from notefly.ports.message_store import Receipt
from tests.model.model import CHANNELS, Model
from tests.support.queues import IN_PROCESS, QueueAdapter
from tests.support.story import logged, retry
from tests.support.time import CountedIds, VirtualClock
from tests.support.world import ADAPTERS, Adapter, World, violations

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
waits = st.sampled_from([0, 0, 5, 100])


class Life(RuleBasedStateMachine):
    """One life of a broker's store."""

    adapter: Adapter = ADAPTERS[0]
    queues: QueueAdapter = IN_PROCESS

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = VirtualClock()
        self.ids = CountedIds()
        self.model = Model()
        self.claims: list[Claim] = []
        self.receipts: dict[str, tuple[Content, Receipt]] = {}
        self.paused: set[str] = set()
        self._find_a_place()
        self._open()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def _open(self) -> None:
        self.stack = AsyncExitStack()
        opened = self.run(
            self.stack.enter_async_context(self.adapter.opens(Path(self.folder.name), self.clock))
        )
        self.world: World = replace(opened, ids=self.ids)
        self.bench = self.run(self.stack.enter_async_context(self.process()))
        self.queue = self.bench.queue

    def _find_a_place(self) -> None:
        """For a queue that has nothing yet."""
        self.place = AsyncExitStack()
        self.process = self.run(self.place.enter_async_context(self.queues.place(self.clock)))

    def _close(self) -> None:
        self.run(self.stack.aclose())

    def _lose(self) -> None:
        """The process ends, and whatever the queue kept is gone with it."""
        self._close()
        self.run(self.place.aclose())
        self._find_a_place()
        self._open()

    def verdict(self, answer: str) -> Verdict:
        word, _, seconds = answer.partition(" ")
        if word == "retry":
            return retry(self.clock.now() + timedelta(seconds=int(seconds)))
        if word == "refused":
            return Verdict(State.DEAD, Reason.REFUSED, "no")
        return Verdict(State.DELIVERED)

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
            expected = self.model.expected(letter)
            assert status.total == len(expected) == sum(status.by_state.values())
            for state, n in status.by_state.items():
                assert n == sum(d.state is state for d in expected.values())
        totals = {key: n for key, n in self.run(self.world.figures.deliveries()).items() if n}
        assert totals == dict(self.model.ended)

    @rule()
    def verify(self) -> None:
        self.the_audit()

    def the_audit(self) -> None:
        assert self.run(violations(self.world)) == []
