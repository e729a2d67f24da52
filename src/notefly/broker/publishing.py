"""From the bytes of a publish to its 202. The Quart routes and the lean lane share all of it."""

from notefly.application.publish import PublishMessage
from notefly.broker import views
from notefly.broker.answers import Answer, json_answer
from notefly.broker.ndjson import Lines, LinesReader
from notefly.broker.reading import Reader
from notefly.broker.requests import MessageIn
from notefly.domain.errors import Invalid
from notefly.ports.message_store import Receipt

PATH = "/v1/messages"
MESSAGE = Reader(MessageIn)
MESSAGES = LinesReader(MESSAGE, MessageIn.content)
REPLAYED = ("Idempotency-Replayed", "true")


async def publish_one(publish: PublishMessage, body: bytes, key: str | None, owner: str) -> Answer:
    """One message. `owner` is whose idempotency key it is. Raises what `problems` knows."""
    content = MESSAGE.read(body).content()
    return accepted(await publish.one(content, key, owner), content.category)


async def publish_many(
    publish: PublishMessage, lines: Lines, key: str | None, owner: str
) -> Answer:
    """All lines in one commit, or none."""
    contents = await MESSAGES.read(lines)
    try:
        receipt = await publish.many(contents, key, owner)
    except Invalid as error:
        raise lines.placed(error) from None
    told: views.AcceptedManyView = {"accepted": len(receipt.ids), "ids": receipt.ids}
    return json_answer(told, 202, [REPLAYED] if receipt.replayed else [])


def accepted(receipt: Receipt, category: str) -> Answer:
    """The promise, and where to see what becomes of it; a replay says so."""
    headers = [("Location", f"{PATH}/{receipt.ids[0]}")]
    if receipt.replayed:
        headers.append(REPLAYED)
    return json_answer(views.accepted(receipt, category), 202, headers)
