"""Batches are planned, claimed and recorded: the rules of everything after a 202."""

import asyncio
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from notefly.domain.batch import (
    EVERYBODY,
    NOBODY,
    BatchRef,
    Begun,
    Claim,
    Ending,
    Handed,
    Report,
)
from notefly.domain.delivery import Reason, State
from notefly.domain.outcome import Verdict
from tests.model.life import SIZES, answers, picks, waits
from tests.model.model import CHANNELS, Work
from tests.model.publishing import Publishing
from tests.support.story import LEASE


class Delivering(Publishing):
    """Plans, claims, hands over, reports, dies."""

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
        await self.bench.settle()
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        await asyncio.wait([waiting])
        return []

    def _claim(self, refs: Sequence[BatchRef]) -> None:
        at = self.clock.now()
        found = self.run(self.world.batches.claim(refs, "w1", LEASE, at))
        gone, busy, claimed, suspect = [], [], [], False
        for ref in refs:
            work = self.model.works[ref.batch]
            if not work.left:
                gone.append(ref.batch)
            elif work.leased_until is not None:
                busy.append(ref.batch)
            elif stopped := work.stops(at):
                self.model.stop(work, stopped)
                gone.append(ref.batch)
            elif (work.due and work.due > at) or (work.deaths and suspect):
                busy.append(ref.batch)
            else:
                suspect = suspect or work.deaths > 0
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
        [part] = self.run(self.world.batches.hand_over([claim], NOBODY, 100, at))
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
        [part] = self.run(self.world.batches.hand_over([claim], NOBODY, 1, at))
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

    @rule(default=answers, others=st.lists(answers | st.none(), max_size=4), seconds=waits)
    def work(self, default: str, others: list[str | None], seconds: int) -> None:
        """As a worker does it, so that long stories become likely."""
        self._claim_something(seconds)
        if self.claims:
            self.finish.__wrapped__(self, len(self.claims) - 1, default, others, keep=False)  # type: ignore[attr-defined]

    @rule(times=st.integers(1, 5))
    def die_again_and_again(self, times: int) -> None:
        for _ in range(times):
            self._claim_something(0)
            if self.claims:
                self.die.__wrapped__(self, len(self.claims) - 1)  # type: ignore[attr-defined]

    def _claim_something(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.plan.__wrapped__(self, 1.0)  # type: ignore[attr-defined]
        self._claim(self.run(self._received(1)))

    @precondition(lambda self: self.claims)
    @rule(pick=picks)
    def die(self, pick: int) -> None:
        claim = self._take_claim(pick, keep=False)
        work = self._holds(claim)
        parts = None if work is None else self.model.die(work)
        self._report(Report(claim, Ending.DIED, self.clock.now(), (), "signal 9"), parts)

    @precondition(lambda self: self.claims)
    @rule(pick=picks, limit=st.integers(1, 2))
    def die_in_a_hand_over(self, pick: int, limit: int) -> None:
        claim, at = self._take_claim(pick, keep=False), self.clock.now()
        [part] = self.run(self.world.batches.hand_over([claim], NOBODY, limit, at))
        if not part.recipients:
            # The channel is not called for nobody, so it cannot die of it.
            self.claims.append(claim)
            return
        work = self._holds(claim)
        parts = None
        if work is not None:
            suspects = [key for key in work.left if key <= part.through]
            parts = self.model.die(work, suspects)
        begun = Begun(NOBODY, part.through, part.epoch, at)
        self._report(Report(claim, Ending.DIED, at, (), "signal 9", begun), parts)
