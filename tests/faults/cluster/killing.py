"""kill -9 and SIGSTOP of any process: brokers, workers, NATS servers, the leader, backends."""

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.deeds import (
    kill_backend,
    kill_broker,
    kill_nats_leader,
    kill_nats_node,
    kill_worker,
    stop_backend,
    stop_broker,
    stop_nats_leader,
    stop_worker,
)
from tests.faults.fault import CLUSTER, Fault, Rounds

DECK = (
    kill_backend,
    kill_broker,
    kill_nats_leader,
    kill_nats_node,
    kill_worker,
    stop_backend,
    stop_nats_leader,
    stop_worker,
    stop_broker,
)


FAULT = Fault(
    "cluster-kill",
    "0 lost, 0 ghosts, 0 stuck, goes on by itself",
    Rounds(7, 200, 2_000),
    Campaign(DECK, Queue.JETSTREAM).run,
    group=CLUSTER,
)
