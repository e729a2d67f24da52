"""What the server says of itself at start: whether what it takes outlives a power cut."""

import asyncio
import json
import logging
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlsplit
from urllib.request import urlopen

from nats.aio.client import Client
from nats.errors import Error as NatsError

LOG = logging.getLogger(__name__)
SYSTEM = "$SYS.REQ.SERVER.PING.VARZ"
"""Answered to users of the system account only."""
MONITORING_PORT = 8222
PATIENCE_SECONDS = 1.0
ADVICE = "set `jetstream { sync_interval: always }` on every NATS server"


async def warn_of_loss(client: Client, monitoring_port: int) -> None:
    """One line if a power cut may take what the queue acknowledged; it costs a delay only."""
    always = _syncs_always(await _by_system(client))
    if always is None:
        always = _syncs_always(await _by_monitoring(client, monitoring_port))
    if always is None:
        LOG.warning(
            "whether NATS syncs each write is not known (neither its system account nor its "
            "monitoring on port %s answers); %s",
            monitoring_port,
            ADVICE,
        )
    elif not always:
        LOG.warning(
            "NATS does not sync each write: a power cut takes what was queued, and the leader "
            "offers it again some 10 s later; %s",
            ADVICE,
        )


def _syncs_always(varz: Mapping[str, object] | None) -> bool | None:
    """None if it does not tell."""
    jetstream = varz.get("jetstream") if varz else None
    configured = jetstream.get("config") if isinstance(jetstream, Mapping) else None
    if not isinstance(configured, Mapping):
        return None
    return bool(configured.get("sync_always", False))


async def _by_system(client: Client) -> Mapping[str, object] | None:
    try:
        answer = await client.request(SYSTEM, b"", timeout=PATIENCE_SECONDS)
        said: Mapping[str, object] = json.loads(answer.data)["data"]
    except (NatsError, OSError, ValueError, KeyError):
        return None
    return said


async def _by_monitoring(client: Client, port: int) -> Mapping[str, object] | None:
    server = client.connected_url
    if server is None:
        return None
    return await asyncio.to_thread(_ask, urlsplit(f"//{server.netloc}").hostname, port)


def _ask(host: str | None, port: int) -> Mapping[str, object] | None:
    try:
        with urlopen(f"http://{host}:{port}/varz", timeout=PATIENCE_SECONDS) as answer:
            said: Mapping[str, object] = json.load(answer)
    except (OSError, HTTPException, ValueError):
        return None
    return said
