"""Whether a server can do what is needed."""

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import BadRequestError, ServiceUnavailableError

from notefly.adapters.jetstream.errors import said
from notefly.domain.errors import QueueUnusable, Unavailable

OLDEST = (2, 12)
"""Batches published in one go, and copies refused by a pattern of subjects."""


async def check_server(client: Client, addresses: str, patience_seconds: float) -> str:
    """Its version. Raises QueueUnusable for one that never will, Unavailable for now."""
    version = client.connected_server_version
    if (version.major, version.minor) < OLDEST:
        raise QueueUnusable(
            f"NATS at {addresses} is {version.major}.{version.minor}; "
            "NOTEFLY_QUEUE needs 2.12 or newer"
        )
    try:
        await client.jetstream(timeout=patience_seconds).account_info()
    except (ServiceUnavailableError, BadRequestError) as error:
        raise QueueUnusable(
            f"NATS at {addresses} has no JetStream for this user ({said(error)}): "
            "start it with `jetstream { … }`, or point NOTEFLY_QUEUE elsewhere"
        ) from error
    except (NatsError, TimeoutError) as error:
        raise Unavailable(
            f"JetStream at {addresses} does not answer ({said(error)}); "
            "do most servers of NOTEFLY_QUEUE run?"
        ) from error
    return f"{version.major}.{version.minor}.{version.patch}"
