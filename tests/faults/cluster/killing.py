"""kill -9 and SIGSTOP of any process: brokers, workers, NATS servers, the leader, PostgreSQL."""

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.deeds import (
    kill_backend,
    kill_broker,
    kill_channel,
    kill_nats_leader,
    kill_nats_node,
    kill_worker,
    stop_backend,
    stop_broker,
    stop_database,
    stop_nats_leader,
    stop_nats_node,
    stop_worker,
)
from tests.faults.fault import CLUSTER, Fault, Rounds

DECK = (
    kill_backend,
    kill_broker,
    kill_channel,
    kill_nats_leader,
    kill_nats_node,
    kill_worker,
    stop_backend,
    stop_broker,
    stop_database,
    stop_nats_leader,
    stop_nats_node,
    stop_worker,
)
CAMPAIGN = Campaign(DECK, Queue.JETSTREAM)

FAULT = Fault(
    "cluster-kill",
    "0 lost, 0 ghosts, 0 stuck, goes on by itself",
    Rounds(7, 200, 2_000),
    CAMPAIGN.run,
    group=CLUSTER,
    side_by_side=CAMPAIGN.side_by_side,
)
