"""The broker, as its pages need it: every call is one of the public REST API."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

Json = Mapping[str, Any]
ANSWER_SECONDS = 10.0
HEADINGS_KEPT = 1_000
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
SCOPE_MISSING = "scope-missing"
OF_KEYS = frozenset({"key-missing", "key-refused", SCOPE_MISSING})
EXPORTED_AT_ONCE = 1_000
NAMED_AT_MOST = 25
"""People of an audience that are looked up by name; the others are counted."""


class BrokerDown(Exception):  # noqa: N818 - reads as what it says
    """No answer, or one that says "not now".

    `unsure`: the call may have been carried out all the same; otherwise it was not.
    """

    def __init__(self, reason: str, *, unsure: bool = False) -> None:
        self.unsure = unsure
        super().__init__(reason)


class BrokerRefused(Exception):  # noqa: N818
    """The broker answered and said no; nothing was stored. `code` is its word for programs."""

    def __init__(
        self, status: int, detail: str, code: str = "", problems: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.code, self.problems = status, code, problems or {}
        super().__init__("; ".join(self.problems.values()) or detail)


class BrokerLocked(Exception):  # noqa: N818
    """The broker does not take our API key, or wants one; nothing was stored.

    `lacks`: it is a good one, but not for this.
    """

    def __init__(self, reason: str, *, lacks: bool = False) -> None:
        self.lacks = lacks
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote into the form."""

    category: str
    body: str
    title: str = ""

    def as_json(self) -> dict[str, str]:
        """The request body that publishes it."""
        titled = {"title": self.title} if self.title else {}
        return {"category": self.category, **titled, "body": self.body}


class BrokerApi:
    """Raises BrokerDown, BrokerRefused and BrokerLocked, nothing else."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._headings: OrderedDict[str, Json] = OrderedDict()
        self._channels: Sequence[str] = ()

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Json:
        """What the broker answers to a GET."""
        return await self.call("GET", path, params=params)

    async def call(self, method: str, path: str, **content: Any) -> Json:
        """Any of its calls; what has no content is empty."""
        response = await self._answer(method, path, **content)
        return _decoded(response) if response.content else {}

    async def categories(self) -> list[str]:
        return [entry["name"] for entry in (await self.get("/v1/categories"))["items"]]

    async def channels(self) -> list[str]:
        return [entry["name"] for entry in (await self.get("/v1/channels"))["items"]]

    async def in_order(self, channels: Iterable[str]) -> list[str]:
        """As the settings name them; those of former settings come last."""
        wanted = set(channels)
        if not wanted.issubset(self._channels):
            self._channels = await self.channels()
        known = [name for name in self._channels if name in wanted]
        return known + sorted(wanted.difference(known))

    async def preview(self, draft: Draft) -> Json:
        """Who would get it, and how it would look; nothing is stored."""
        return await self.call(
            "POST", "/v1/messages", params={"dry_run": "true"}, json=draft.as_json()
        )

    async def publish(self, draft: Draft, key: str) -> str:
        """The message's id; the same key gives the same id, however often it is sent."""
        accepted = await self.call(
            "POST", "/v1/messages", json=draft.as_json(), headers={"Idempotency-Key": key}
        )
        return str(accepted["id"])

    async def message(self, message: str) -> Json:
        return await self.get(f"/v1/messages/{quote(message, safe='')}")

    async def headings(self, ids: Sequence[str]) -> dict[str, Json]:
        """What messages say, by id: that never changes, so they are asked for once."""
        missing = [one for one in ids if one not in self._headings]
        for message in await asyncio.gather(*map(self.message, missing)):
            self._headings[message["id"]] = message
        found = {one: self._headings[one] for one in ids}
        while len(self._headings) > HEADINGS_KEPT:
            self._headings.popitem(last=False)
        return found

    async def delivery(self, delivery: str) -> Json:
        return await self.get(f"/v1/deliveries/{quote(delivery, safe='')}")

    async def deliveries(self, limit: int, wanted: Mapping[str, str]) -> Json:
        """A page of the log: `items` and `next`."""
        return await self.get("/v1/deliveries", params={"limit": limit, **wanted})

    async def export(
        self, path: str, media: str, wanted: Mapping[str, str]
    ) -> AsyncIterator[bytes]:
        """A list as the broker writes it, page by page to its end; only the first has a header."""
        cursor: dict[str, str] = {}
        while True:
            params = {"limit": EXPORTED_AT_ONCE, **wanted, **cursor}
            response = await self._answer("GET", path, params=params, headers={"Accept": media})
            header = cursor and media == "text/csv"
            yield response.content.partition(b"\r\n")[2] if header else response.content
            if "next" not in response.links:
                return
            cursor = {"cursor": httpx2.URL(response.links["next"]["url"]).params["cursor"]}

    async def people(self, ids: Sequence[str]) -> list[Json]:
        """Those of the subscribers that are still there."""
        paths = [f"/v1/subscribers/{quote(one, safe='')}" for one in ids[:NAMED_AT_MOST]]
        answers = await asyncio.gather(*map(self.get, paths), return_exceptions=True)
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    @asynccontextmanager
    async def events(self, after: str | None) -> AsyncIterator[AsyncIterator[bytes]]:
        """The broker's event stream as it comes, resumed behind `after`."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        endless = httpx2.Timeout(ANSWER_SECONDS, read=None)
        with self._translated():
            async with self._http.stream(
                "GET", "/v1/events", headers=headers, timeout=endless
            ) as response:
                if response.status_code != httpx2.codes.OK:
                    await response.aread()
                    raise _refusal(response)
                yield self._chunks(response)

    async def _answer(self, method: str, path: str, **content: Any) -> httpx2.Response:
        with self._translated():
            response = await self._http.request(method, path, **content)
        if not response.is_success:
            raise _refusal(response)
        return response

    async def _chunks(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        with self._translated():
            async for chunk in response.aiter_raw():
                yield chunk

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The one place where the transport's errors become ours."""
        try:
            yield
        except httpx2.TransportError as error:
            reason = f"{self._http.base_url}: {str(error) or type(error).__name__}"
            raise BrokerDown(reason, unsure=not isinstance(error, NEVER_SENT)) from error


def _decoded(response: httpx2.Response) -> Json:
    try:
        answer = response.json()
    except ValueError as error:
        raise BrokerDown("something else than a broker answers there") from error
    return answer if isinstance(answer, dict) else {"items": answer}


def _refusal(response: httpx2.Response) -> Exception:
    """An answer of RFC 9457, as an error; a 5xx is no refusal, it is a broker in trouble."""
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return BrokerDown(f"something else than a broker answers there ({response.status_code})")
    problem = _decoded(response)
    detail = str(problem.get("detail") or problem.get("title") or response.status_code)
    if response.is_server_error:
        return BrokerDown(detail)
    if (code := str(problem.get("code", ""))) in OF_KEYS:
        return BrokerLocked(detail, lacks=code == SCOPE_MISSING)
    errors = {str(e["pointer"]): str(e["detail"]) for e in reversed(problem.get("errors", ()))}
    return BrokerRefused(response.status_code, detail, code, errors)
