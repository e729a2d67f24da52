"""The product with short leases: `python -m tests.faults.leases MODE broker`.

MODE `kept`: as it is, but that a lease ends after half a second unless it is kept. `unkept`: nobody
keeps one, as if the worker stood still elsewhere, so that its work is taken over while it goes on.
`unfenced`: the same, and a late result is taken for a good one; for showing that this is found.
STALE_FILE takes a line, "batch attempt", for each result that was refused for being late.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from notefly.adapters.relational import finish as finishing
from notefly.adapters.relational.rows import Batch
from notefly.adapters.sqlite.batches import SqliteBatches
from notefly.adapters.sqlite.transaction import Transaction
from notefly.application import engine
from notefly.application.patience import Terms
from notefly.bootstrap import surroundings
from notefly.domain.batch import Claim, Report
from notefly.domain.ids import BatchKey
from notefly.ports.batch_store import Finished
from tests.faults.steering import LEASE_SECONDS, RECONCILE_SECONDS, forget_receivers, replace


def kept() -> None:
    """Only the times are shorter."""
    shorten()
    count_refusals()


def shorten() -> None:
    """Nobody waits for a minute to see a lease end."""
    replace(engine, "RECONCILE_SECONDS", RECONCILE_SECONDS)
    replace(engine, "KEEP_SECONDS", RECONCILE_SECONDS)
    replace(surroundings, "Terms", partial(Terms, lease=LEASE_SECONDS))


def unkept() -> None:
    """A lease ends, and the queue hands the work out again."""
    shorten()
    forget_receivers()
    count_refusals()


def unfenced() -> None:
    """Whoever reports is believed."""
    held = finishing.held

    def held_by_anybody(transaction: Transaction, key: BatchKey, _number: int) -> Batch | None:
        attempts = transaction.value("SELECT attempts FROM batch WHERE key = ?", (key,))
        return held(transaction, key, attempts)

    unkept()
    replace(finishing, "held", held_by_anybody)


def count_refusals() -> None:
    """Where the harness can see them, outside the store."""
    finish, path = SqliteBatches.finish, Path(os.environ["STALE_FILE"])

    async def finish_and_tell(self: SqliteBatches, reports: Sequence[Report]) -> Finished:
        finished = await finish(self, reports)
        late = [report.claim for report in reports if report.claim.batch in finished.stale]
        tell(path, late)
        return finished

    replace(SqliteBatches, "finish", finish_and_tell)


def tell(path: Path, late: Sequence[Claim]) -> None:
    with path.open("a") as file:
        file.writelines(f"{claim.batch} {claim.token}\n" for claim in late)


MODES = {"kept": kept, "unkept": unkept, "unfenced": unfenced}

if __name__ == "__main__":
    from notefly.cli import main

    MODES[sys.argv[1]]()
    main(sys.argv[2:], prog_name="notefly")
