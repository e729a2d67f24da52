"""All of it without NATS: the queue is PostgreSQL's own, by SKIP LOCKED."""

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.deeds import (
    kill_backend,
    kill_broker,
    kill_worker,
    part_from_store,
    restart_database,
    stop_database,
    stop_worker,
)
from tests.faults.fault import CLUSTER, Fault, Rounds

DECK = (
    kill_backend,
    kill_broker,
    kill_worker,
    part_from_store,
    restart_database,
    stop_database,
    stop_worker,
)
CAMPAIGN = Campaign(DECK, Queue.SKIP_LOCKED, doors=True)

FAULT = Fault(
    "cluster-skip-locked",
    "0 lost, 0 ghosts, 0 stuck, goes on by itself",
    Rounds(1, 28, 600),
    CAMPAIGN.run,
    group=CLUSTER,
    side_by_side=CAMPAIGN.side_by_side,
)
