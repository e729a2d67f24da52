"""The people, by the broker's REST API."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from notefly.client.broker_api import BrokerApi, Json

PATH = "/v1/subscribers"


class PeopleApi:
    """Raises what `BrokerApi` raises."""

    def __init__(self, broker: BrokerApi) -> None:
        self._broker = broker

    async def page(self, limit: int, wanted: Mapping[str, str]) -> Json:
        """Some of those who are wanted, in the order they were registered: `items` and `next`."""
        return await self._broker.get(PATH, {"limit": limit, **wanted})

    async def one(self, subscriber: str) -> Json:
        return await self._broker.get(address(subscriber))

    async def add(self, profile: Mapping[str, Any]) -> Json:
        return await self._broker.call("POST", PATH, json=profile)

    async def change(self, subscriber: str, change: Mapping[str, Any]) -> Json:
        """Only what is given; everything else stays."""
        return await self._broker.call("PATCH", address(subscriber), json=change)

    async def choose(self, subscriber: str, choice: Mapping[str, Any]) -> None:
        """One choice on or off; all others stay."""
        await self._broker.call("PATCH", address(subscriber, "preferences"), json=choice)

    async def erase(self, subscriber: str) -> None:
        await self._broker.call("DELETE", address(subscriber))

    async def send_test(self, subscriber: str, content: Mapping[str, str]) -> str:
        """The id of a message that only they get."""
        accepted = await self._broker.call("POST", address(subscriber, "test"), json=content)
        return str(accepted["id"])

    async def link(self, subscriber: str) -> Json:
        """`url` of their own page, and when it `expires_at`."""
        return await self._broker.call("POST", address(subscriber, "link"), json={})

    async def check(self, kind: str, value: str) -> Json:
        """`value` in its one spelling, or the `problem` with it."""
        asked = {"kind": kind, "value": value}
        return await self._broker.call("POST", "/sub/check", json=asked)


def address(subscriber: str, *below: str) -> str:
    """On the broker."""
    return "/".join((PATH, quote(subscriber, safe=""), *below))
