"""Messages that are written in one go arrive as those that the driver publishes."""

import asyncio

import pytest
from nats.aio.msg import Msg

from notefly.adapters.jetstream.wire import Sheet, Wire
from tests.support.nats import shared

pytestmark = pytest.mark.engines
SHEETS = [
    Sheet("wire.a", {"One": "1", "Two": "of: it"}, b"body\r\nof two lines"),
    Sheet("wire.b", {"One": "2"}, b""),
    Sheet("wire.c", {"One": "3"}, "größer".encode()),
]


async def test_what_is_written_in_one_go_arrives_in_order_as_the_driver_publishes_it() -> None:
    node = (await asyncio.to_thread(shared, 1)).nodes[0]
    wire = Wire()
    await wire.connect(node.address)
    try:
        heard = await wire.subscribe("wire.*")
        await wire.publish_all(SHEETS)
        for sheet in SHEETS:
            await wire.publish(sheet.subject, sheet.body, headers=dict(sheet.headers))
        came = [_read(await heard.next_msg(10)) for _ in range(2 * len(SHEETS))]
        assert came[: len(SHEETS)] == came[len(SHEETS) :] == SHEETS
    finally:
        await wire.close()


def _read(message: Msg) -> Sheet:
    return Sheet(message.subject, message.headers or {}, message.data)
