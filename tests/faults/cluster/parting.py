"""One worker is parted from NATS, from PostgreSQL, from both: by silence or by resets."""

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.deeds import (
    part_from_both,
    part_from_queue,
    part_from_store,
)
from tests.faults.fault import CLUSTER, Fault, Rounds

DECK = (
    part_from_both,
    part_from_queue,
    part_from_store,
)
CAMPAIGN = Campaign(DECK, Queue.JETSTREAM, doors=True)

FAULT = Fault(
    "cluster-partition",
    "0 lost, 0 ghosts, 0 stuck, the others go on",
    Rounds(1, 20, 200),
    CAMPAIGN.run,
    group=CLUSTER,
    side_by_side=CAMPAIGN.side_by_side,
)
