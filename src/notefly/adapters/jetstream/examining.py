"""The servers as a process would find them at its start; nothing is changed there."""

from notefly.adapters.jetstream.durability import ADVICE, MONITORING_PORT, Durability
from notefly.adapters.jetstream.link import NatsLink


async def examine(address: str, patience_seconds: float) -> tuple[str, list[str]]:
    """Name and version of one that answers, and what it is better to mend, one line each.

    Raises QueueUnusable where a process would not start, Unavailable where it would wait.
    """
    link = NatsLink(address)
    try:
        await link.connect(patience_seconds)
        version = await link.check(patience_seconds)
        doubts = await Durability(MONITORING_PORT).doubts(link.client)
    finally:
        await link.close()
    return f"NATS {version}", [f"{doubt}; {ADVICE}" for doubt in doubts]
