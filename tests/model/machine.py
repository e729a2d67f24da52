"""Time passes, processes crash, people think again; and in the end everything is over."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from typing_extensions import override

from notefly.domain.batch import (
    BatchRef,
)
from notefly.domain.delivery import State
from notefly.domain.errors import Conflict
from notefly.domain.ids import SubscriberKey, delivery_id
from notefly.domain.log import DeliveryFilter
from tests.contract.queueing import PATIENCE_SECONDS
from tests.model.delivering import Delivering
from tests.model.life import SIZES, picks
from tests.model.model import CHANNELS, Work
from tests.support.story import LEASE


class StoreAndQueue(Delivering):
    """The whole game."""

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
        for work in sorted(lost, key=lambda work: work.key):
            mine = self.model.die(work)
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
        self._close()
        self._open()
        self._start_again()

    @rule()
    def lose_the_queue(self) -> None:
        self._lose()
        self._start_again()

    def _start_again(self) -> None:
        if self.adapter.leases_end_with_process:
            for work in self.model.open_works():
                work.leased_until = None
        self._offer_unfinished()

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
        fitting = sorted(
            (self.model.letters.index(letter), CHANNELS.index(channel), key)
            for letter, channel, key, _ in self.model.dead()
            if letter.expires_at is None or letter.expires_at > at
        )[:limit]
        assert opened == len(fitting)
        lineages: dict[tuple[int, ...], list[SubscriberKey]] = {}
        for letter, channel, key in fitting:
            d = self.model.letters[letter].deliveries[CHANNELS[channel], key]
            lineage = (letter, channel, d.batch, d.attempts, d.round)
            lineages.setdefault(lineage, []).append(key)
        works = [
            self.model.reopen(self.model.letters[letter], CHANNELS[channel], keys, None)
            for (letter, channel, *_), keys in lineages.items()
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

    @override
    def teardown(self) -> None:
        """I9: whatever happened, everything comes to an end."""
        try:
            self.the_audit()
            self._drain()
            self.the_log_is_what_the_model_says()
            self.the_audit()
        finally:
            self._close()
            self.run(self.place.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _drain(self) -> None:
        self.claims.clear()
        while True:
            planned = self.run(self.world.batches.plan(SIZES, 1.0))
            self.model.plan(planned.refs, planned.more)
            if not planned.more:
                break
        self.lose_the_queue.__wrapped__(self)  # type: ignore[attr-defined]
        while self._unfinished():
            self.clock.advance(100)
            self.take_over.__wrapped__(self)  # type: ignore[attr-defined]
            self._claim(self.run(self._what_must_come()))
            while self.claims:
                self.finish.__wrapped__(self, 0, "delivered", [], False)  # type: ignore[attr-defined]
        assert self.run(self.bench.holds(0)), "nothing is left to hand out"
        terminal = {State.DELIVERED, State.DEAD, State.CANCELLED}
        for letter in self.model.letters:
            assert {d.state for d in letter.deliveries.values()} <= terminal

    async def _what_must_come(self) -> Sequence[BatchRef]:
        """A queue that was told of everything hands it out, however the channels are set."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.queue.receive(frozenset(CHANNELS), 1_000)
