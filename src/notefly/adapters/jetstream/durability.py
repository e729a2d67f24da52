"""What the servers say of themselves: whether what they take outlives a power cut."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from urllib.parse import urlsplit
from urllib.request import urlopen

from nats.aio.client import Client
from nats.errors import Error as NatsError

LOG = logging.getLogger(__name__)
SYSTEM = "$SYS.REQ.SERVER.PING.VARZ"
"""Answered to users of the system account only, by each server of the cluster."""
MONITORING_PORT = 8222
PATIENCE_SECONDS = 1.0
"""For an answer, and after it for another server's."""
ADVICE = "set `jetstream { sync_interval: always }` on every NATS server"
Said = Mapping[str, object]


class Durability:
    """One line of each server that may lose what it acknowledged; it costs a delay only."""

    def __init__(self, monitoring_port: int) -> None:
        self._port = monitoring_port
        self._losing: set[str] = set()
        """Servers that were named already, and hosts of which nothing was known: often one word."""
        self._unknown: set[str] = set()

    async def look(self, client: Client) -> None:
        """At all that can be asked now. Those that cannot are named, once too."""
        for doubt in await self.doubts(client):
            LOG.warning("%s; %s", doubt, ADVICE)

    async def doubts(self, client: Client) -> list[str]:
        """One line of each server that loses, and one of those that do not tell; each once."""
        said = [answer async for answer in _by_system(client)]
        silent: set[str] = set()
        if not said:
            said, silent = await self._by_monitoring(client)
        losing = {str(one.get("server_name")) for one in said if _loses(one)}
        doubts = [
            f"NATS does not sync each write on {name}: a power cut takes what was queued, and the "
            "leader offers it again some 10 s later"
            for name in sorted(losing - self._losing)
        ]
        if unknown := sorted(silent - self._unknown):
            doubts.append(
                f"whether NATS syncs each write is not known of {', '.join(unknown)} (neither its "
                f"system account nor its monitoring on port {self._port} answers)"
            )
        self._losing |= losing
        self._unknown |= silent
        return doubts

    async def _by_monitoring(self, client: Client) -> tuple[list[Said], set[str]]:
        """What they say, and the hosts that say nothing."""
        # The driver writes their addresses with what the user has to say.
        hosts = sorted({str(urlsplit(f"//{one.netloc}").hostname) for one in client.servers})
        answers = await asyncio.gather(
            *(asyncio.to_thread(_ask, host, self._port) for host in hosts)
        )
        known = dict(zip(hosts, answers, strict=True))
        said = [one for one in answers if one is not None]
        return said, {host for host, one in known.items() if one is None}


def _loses(varz: Said) -> bool:
    """A server without JetStream keeps nothing that it could lose."""
    jetstream = varz.get("jetstream")
    configured = jetstream.get("config") if isinstance(jetstream, Mapping) else None
    return isinstance(configured, Mapping) and not configured.get("sync_always", False)


async def _by_system(client: Client) -> AsyncIterator[Said]:
    """Nothing, if we may not ask or nobody is there to answer."""
    with suppress(NatsError, OSError, ValueError, KeyError, TypeError):
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        try:
            await client.publish(SYSTEM, reply=inbox)
            while True:
                yield json.loads((await answers.next_msg(PATIENCE_SECONDS)).data)["data"]
        finally:
            await answers.unsubscribe()


def _ask(host: str, port: int) -> Said | None:
    try:
        with urlopen(f"http://{host}:{port}/varz", timeout=PATIENCE_SECONDS) as answer:
            said: Said = json.load(answer)
    except (OSError, HTTPException, ValueError):
        return None
    return said
