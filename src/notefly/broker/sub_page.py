"""The subscriber's own page, as HTML."""

from collections.abc import Mapping
from urllib.parse import quote

from quart import Response, render_template, request

from notefly.application.catalogue import Catalogue
from notefly.broker import choosing
from notefly.broker.answers import PAGE_POLICY, READ, Answer
from notefly.broker.choosing import Choices
from notefly.broker.door import visit
from notefly.broker.sse import MEDIA
from notefly.domain.log import Page
from notefly.ports.subscriber_store import SubscriberStore

PATH = "/sub"
HTML = "text/html"
PICKED_FROM = 200


class SubPage:
    """Renders it."""

    def __init__(self, catalogue: Catalogue, store: SubscriberStore) -> None:
        self._catalogue = catalogue
        self._store = store

    async def show(
        self,
        choices: Choices,
        problems: Mapping[str, list[str]] | None = None,
        *,
        said: str | None = None,
        status: int = 200,
    ) -> Response:
        came = visit()
        known = Page([], None) if came else await self._store.list(PICKED_FROM, None)
        profiles = [one.profile for one in known.items]
        html = await render_template(
            "sub.html",
            choices=choices,
            link=came.token if came else "",
            problems=problems or {},
            said=said,
            known=profiles,
            unlisted=choices.id and choices.id not in {profile.id for profile in profiles},
            more=known.next is not None,
            kinds=choosing.kinds_of(self._catalogue),
            categories=self._catalogue.categories,
            channels=tuple(self._catalogue.channels),
            channel_label=choosing.channel_label,
            spoken=choosing.spoken,
        )
        return page(html, status)


def page(html: str, status: int) -> Response:
    """Nobody keeps it, and nobody else hears of its address.

    "no-referrer" would make browsers send "Origin: null" with its form.
    """
    headers = READ | {"content-security-policy": PAGE_POLICY, "vary": "Accept"}
    return Response(html, status, content_type=f"{HTML}; charset=utf-8", headers=headers)


async def closed(answer: Answer) -> Response:
    """For people who came without a link that opens anything: all of them see the same."""
    response = page(await render_template("closed.html"), answer.status)
    response.headers.extend(answer.headers)
    return response


def is_wanted_as_page() -> bool:
    """By a browser, at the address of the page; for programs there is the stream behind it."""
    wanted = request.accept_mimetypes.best_match((HTML, MEDIA), HTML)
    return request.path == PATH and wanted == HTML


def address(token: str) -> str:
    """Of the page, by a personal link."""
    return f"{PATH}?link={quote(token, safe='')}"
