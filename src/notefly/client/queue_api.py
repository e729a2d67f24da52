"""The queue, the dead letters and the settings, by the broker's REST API."""

from collections.abc import Mapping
from urllib.parse import quote

from notefly.client.broker_api import BrokerApi, Json

DEAD = "/v1/dead-letters"


class QueueApi:
    """Raises what `BrokerApi` raises."""

    def __init__(self, broker: BrokerApi) -> None:
        self._broker = broker

    async def channels(self) -> list[Json]:
        """As configured, each with its `address_kind`."""
        return list((await self._broker.get("/v1/channels"))["items"])

    async def queue(self) -> Json:
        return await self._broker.get("/v1/queue")

    async def history(self) -> list[Json]:
        """What was counted in the last minutes, oldest first."""
        return list((await self._broker.get("/v1/queue/history"))["items"])

    async def switch(self, channel: str, to: str) -> None:
        """`pause` or `resume`; it survives restarts."""
        await self._broker.call("POST", f"/v1/channels/{quote(channel, safe='')}/{to}")

    async def dead_groups(self) -> list[Json]:
        """How many died of what, on which channel."""
        return list((await self._broker.get(DEAD, {"group_by": "reason"}))["items"])

    async def dead(self, limit: int, wanted: Mapping[str, str]) -> Json:
        """A page of dead letters, newest message first: `items` and `next`."""
        return await self._broker.get(DEAD, {"limit": limit, **wanted})

    async def count_dead(self, wanted: Mapping[str, str]) -> int:
        """How many match; nothing is changed."""
        told = await self._broker.call(
            "POST", f"{DEAD}/replay", params={"dry_run": "true"}, json=wanted
        )
        return int(told["matching"])

    async def replay_all(self, wanted: Mapping[str, str]) -> int:
        """How many got another round."""
        told = await self._broker.call("POST", f"{DEAD}/replay", json=wanted)
        return int(told["replayed"])

    async def replay(self, delivery: str, end: Mapping[str, str]) -> None:
        """One dead letter; `end` may hold a new `expires_at`."""
        path = f"/v1/deliveries/{quote(delivery, safe='')}/replay"
        await self._broker.call("POST", path, json=end)

    async def settings(self) -> list[Json]:
        """In effect on the broker: `name`, `value`, `source`."""
        return list((await self._broker.get("/v1/settings"))["items"])
