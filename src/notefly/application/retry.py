"""From a channel's answers to what is recorded."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from notefly.domain.batch import EVERYBODY, NOBODY, Claim, Handed, Recipient
from notefly.domain.delivery import State
from notefly.domain.ids import Epoch, SubscriberKey
from notefly.domain.outcome import (
    Delivered,
    Judgement,
    Outcome,
    Outcomes,
    RetryPolicy,
    Verdict,
    clipped,
)
from notefly.domain.redaction import anonymous
from notefly.ports.batch_store import Slice

DELIVERED = Delivered()
DELIVERED_VERDICT = Verdict(State.DELIVERED)
"""By far the most frequent one, made once."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows the policy, the time and chance; the rule itself is in the domain."""

    policy: RetryPolicy
    now: Callable[[], datetime]
    fraction: Callable[[], float]

    def handed(
        self, claim: Claim, part: Slice, size: int, started_at: datetime, outcomes: Outcomes
    ) -> Handed:
        """What to record of a hand-over.

        Everybody who is told to wait by the same answer waits together: one jitter, one due time.
        Answers for people who were not in the hand-over are not recorded, nor is who was in it.
        """
        judgement = self._judgement(claim)
        outcomes = anonymous(outcomes, part.recipients)
        default, exceptions = _gathered(outcomes, part.recipients)
        taken = {s: o.detail for s, o in exceptions.items() if isinstance(o, Delivered)}
        others = {}
        if len(taken) < len(exceptions):
            others = {s: o for s, o in exceptions.items() if s not in taken}
        known = {outcome: judgement.verdict(outcome) for outcome in set(others.values())}
        return Handed(
            part.after,
            part.through,
            part.epoch,
            started_at,
            judgement.verdict(default),
            size,
            {subscriber: known[outcome] for subscriber, outcome in others.items()},
            clipped(taken),
        )

    def alike(self, claim: Claim, epoch: Epoch, started_at: datetime, outcome: Outcome) -> Handed:
        """What to record when everybody in the batch was handed over at once."""
        if outcome == DELIVERED:
            verdict = DELIVERED_VERDICT
        else:
            verdict = self._judgement(claim).verdict(outcome)
        return Handed(NOBODY, EVERYBODY, epoch, started_at, verdict, claim.size)

    def _judgement(self, claim: Claim) -> Judgement:
        return Judgement(
            self.policy, claim.spent, self.now(), claim.message.content.expires_at, self.fraction()
        )


def _gathered(
    outcomes: Outcomes, people: Collection[Recipient]
) -> tuple[Outcome, Mapping[SubscriberKey, Outcome]]:
    """When everybody was answered the same, that is the default, and needs no rows of their own."""
    exceptions = outcomes.exceptions
    if not exceptions:
        return outcomes.default, exceptions
    members = {person.subscriber for person in people}
    if not exceptions.keys() <= members:
        exceptions = {s: o for s, o in exceptions.items() if s in members}
    if len(exceptions) == len(members) and exceptions:
        first = next(iter(exceptions.values()))
        if all(answer == first for answer in exceptions.values()):
            return first, {}
    return outcomes.default, exceptions
