"""The product with a planted bug: `python -m tests.faults.sabotage BUG broker`.

Each bug is a small change of one function, made from outside when the process starts, and comes
with a steering that brings about the moment in which it does its harm. With PLANTED=0 the steering
is the same and the bug is not there.
"""

import sys
from collections.abc import Callable

from tests.faults import sabotage_delivery, sabotage_store

BUGS: dict[str, Callable[[], None]] = {
    "normal-sync": sabotage_store.normal_sync,
    "early-202": sabotage_store.early_answer,
    "early-delivered": sabotage_delivery.early_delivered,
    "no-fencing": sabotage_delivery.no_fencing,
    "late-attempts": sabotage_delivery.late_attempts,
    "two-commits": sabotage_store.two_commits,
    "lost-nack": sabotage_delivery.lost_nack,
    "audience-twice": sabotage_store.audience_twice,
    "no-takeover": sabotage_delivery.no_takeover,
    "key-outside": sabotage_store.key_outside,
    "replay-new-id": sabotage_store.replay_new_id,
    "stale-consent": sabotage_delivery.stale_consent,
}

if __name__ == "__main__":
    from notefly.cli import main

    BUGS[sys.argv[1]]()
    main(sys.argv[2:], prog_name="notefly")
