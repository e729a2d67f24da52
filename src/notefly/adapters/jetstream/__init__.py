"""The queue on NATS JetStream, and wake-ups over the same connection.

One message in the stream stands for one batch. The subject carries channel, lane and batch; the
server refuses a second message for a batch, whatever its lane, so everything may be offered again.

Known weaknesses: where JetStream does not sync always, a power cut takes what was queued, which
costs a delay only. An offer that changes a batch held by another process is handed out at once.
"""
