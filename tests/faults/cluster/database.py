"""PostgreSQL is killed or restarted without a checkpoint, or ends the product's connections."""

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.deeds import (
    kill_database,
    restart_database,
    terminate_connections,
)
from tests.faults.fault import CLUSTER, Fault, Rounds

DECK = (
    kill_database,
    restart_database,
    terminate_connections,
)
CAMPAIGN = Campaign(DECK, Queue.JETSTREAM)

FAULT = Fault(
    "cluster-database",
    "0 lost, 0 ghosts, 0 stuck; a 503 or no answer, never a false 202",
    Rounds(3, 50, 500),
    CAMPAIGN.run,
    group=CLUSTER,
    side_by_side=CAMPAIGN.side_by_side,
)
