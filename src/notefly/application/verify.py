"""Prove the promise from the record."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from notefly.domain.log import Violation
from notefly.ports.audit import Audit


@dataclass(frozen=True, slots=True)
class Verify:
    """Checks the invariants one by one; says each name before its violations."""

    audit: Audit

    async def __call__(self) -> AsyncIterator[tuple[str, Violation | None]]:
        """Yields (invariant, None) for each that holds, and every violation of the others."""
        for invariant in self.audit.invariants():
            holds = True
            async for violation in self.audit.violations(invariant):
                holds = False
                yield invariant, violation
            if holds:
                yield invariant, None
