"""Prove the promise from the record."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from notefly.domain.log import Looked, Proved, Violation
from notefly.ports.audit import Audit


@dataclass(frozen=True, slots=True)
class Verify:
    """Checks the invariants one by one."""

    audit: Audit

    async def __call__(self) -> AsyncIterator[Looked | Violation | Proved]:
        """What was looked at and every violation, as they come; `Proved` ends each invariant."""
        for invariant in self.audit.invariants():
            violations = 0
            parts: dict[str, tuple[str, int]] = {}
            async for found in self.audit.check(invariant):
                if isinstance(found, Violation):
                    violations += 1
                else:
                    _, count = parts.get(found.part, ("", 0))
                    parts[found.part] = found.unit, count + found.count
                yield found
            yield Proved(invariant, _looked(parts.values()), violations)


async def outcomes(
    proof: AsyncIterator[Looked | Violation | Proved],
) -> AsyncIterator[tuple[str, Violation | None]]:
    """(invariant, None) for each that holds, and every violation of the others."""
    async for found in proof:
        if isinstance(found, Violation):
            yield found.invariant, found
        elif isinstance(found, Proved) and found.holds:
            yield found.invariant, None


def _looked(parts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    """Several parts look at the same: that is counted once."""
    looked: dict[str, int] = {}
    for unit, count in parts:
        looked[unit] = max(count, looked.get(unit, 0))
    return looked
