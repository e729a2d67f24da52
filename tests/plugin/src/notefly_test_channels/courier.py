"""A channel over HTTP with the standard library alone; what it is answered is the provider's."""

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException

from notefly.domain.batch import Recipient
from notefly.domain.http_answer import outcome_of
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Outcome, Outcomes, Retry
from notefly.ports.channel import HandOver
from notefly_test_channels.box import BoxChannel

ANSWER_BYTES = 4_096
SECONDS = 0.5
"""For connecting, and for each read."""


class CourierChannel(BoxChannel):
    """Posts to the provider on 127.0.0.1 at COURIER_PORT, everybody at once, eight side by side."""

    name = "courier"
    batch_size = 200

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(8)

    async def send(self, hand_over: HandOver) -> Outcomes:
        run = asyncio.get_running_loop().run_in_executor
        posts = [run(self._threads, post, one, hand_over) for one in hand_over.recipients]
        answers: Mapping[SubscriberKey, Outcome] = dict(await asyncio.gather(*posts))
        return Outcomes(Retry("not asked"), answers)


def post(recipient: Recipient, hand_over: HandOver) -> tuple[SubscriberKey, Outcome]:
    """The provider's answer, or what went wrong on the way to it."""
    line = HTTPConnection("127.0.0.1", int(os.environ["COURIER_PORT"]), timeout=SECONDS)
    try:
        headers = {"Idempotency-Key": hand_over.delivery_id(recipient)}
        body = hand_over.message.content.body.encode()
        line.request("POST", f"/{recipient.address}", body, headers)
        answer = line.getresponse()
        words = answer.read(ANSWER_BYTES).decode("latin-1")
        after = answer.getheader("Retry-After")
        now = datetime.now(UTC)
        return recipient.subscriber, outcome_of(answer.status, words, retry_after=after, now=now)
    except (OSError, HTTPException) as error:
        # With the address in it, as many a library words it.
        return recipient.subscriber, Retry(f"to {recipient.address}: {error!r}")
    finally:
        line.close()
