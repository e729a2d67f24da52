"""What the queue keeps, gives out again, and makes anew."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from notefly.domain.batch import BatchRef
from tests.contract.queueing import keys, ref
from tests.jetstream.conftest import SMS, Opens

pytestmark = pytest.mark.engines
SHORT_SECONDS = 0.3
"""The server's clock really passes in these tests."""


async def test_one_that_is_there_already_does_not_keep_the_others_out(process: Opens) -> None:
    async with process() as one:
        await one.queue.offer([ref(500)])
        await one.queue.offer([ref(n) for n in range(1, 1_501)])
        assert await one.queue.depth() == 1_500
        assert await one.take_all(1_500) == list(range(1, 1_501))


async def test_it_is_there_once_whichever_lane_it_was_offered_for(process: Opens) -> None:
    async with process() as one:
        await one.queue.offer([ref(n) for n in range(1, 7)])
        await one.queue.offer([ref(n) for n in range(6, 0, -1)])
        assert await one.queue.depth() == 6
        assert await one.take_all(6) == [1, 2, 3, 4, 5, 6]


async def test_two_who_offer_the_same_at_once_keep_it_once(process: Opens) -> None:
    refs = [ref(n) for n in range(1, 301)]
    async with process() as one, process() as other:
        await asyncio.gather(one.queue.offer(refs), other.queue.offer(refs[::-1]))
        assert await one.queue.depth() == 300


async def test_the_first_batches_of_a_message_do_not_wait_for_a_large_one(process: Opens) -> None:
    async with process() as one:
        await one.queue.offer([ref(n, message=1, size=1_000) for n in range(1, 1_001)])
        await one.queue.offer([ref(2_000, message=2)])
        assert 2_000 in [n for _ in range(3) for n in await one.take()]


async def test_a_large_one_does_not_wait_for_many_small_ones(process: Opens) -> None:
    async with process() as one:
        await one.queue.offer([ref(n, message=1) for n in range(1, 11)])
        await one.queue.offer([ref(n, message=n) for n in range(100, 200)])
        taken = [n for _ in range(12) for n in await one.take()]
        assert {3, 4} <= set(taken)


async def test_what_a_process_held_that_is_gone_comes_again(process: Opens) -> None:
    async with process(SHORT_SECONDS) as other:
        async with process(SHORT_SECONDS) as gone:
            await gone.queue.offer([ref(1)])
            assert await gone.take() == [1]
        assert await other.take() == [1]


async def test_what_a_process_holds_that_lives_does_not_come_again(process: Opens) -> None:
    async with process(SHORT_SECONDS) as holder, process(SHORT_SECONDS) as other:
        await holder.queue.offer([ref(1)])
        assert await holder.take() == [1]
        waiting = asyncio.ensure_future(other.take())
        await asyncio.wait([waiting], timeout=2.5 * SHORT_SECONDS)
        assert not waiting.done()
        await holder.queue.nack(keys(1), 0)
        assert await waiting == [1]


async def test_what_lies_ready_and_nobody_takes_goes_to_another(process: Opens) -> None:
    async with process(SHORT_SECONDS) as one, process(SHORT_SECONDS) as other:
        receiving = asyncio.ensure_future(one.queue.receive(SMS, 1))
        await asyncio.wait([receiving], timeout=SHORT_SECONDS / 3)
        receiving.cancel()
        await one.queue.offer([ref(1)])
        assert await other.take() == [1]


async def test_a_consumer_that_stands_still_is_made_anew(
    process: Opens, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(SHORT_SECONDS) as one:
        waiting = asyncio.ensure_future(one.take())
        await one.queue.offer([ref(1)])
        await waiting
        await one.queue.ack(keys(1))
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        await one.link.streams().pause_consumer(name, "sms-small", later)
        await one.queue.offer([ref(2)])
        assert await one.take() == [2]
    assert f"sms-small of {name} stood still" in caplog.text


async def test_a_consumer_that_somebody_deletes_is_made_anew(process: Opens, name: str) -> None:
    async with process() as one:
        waiting = asyncio.ensure_future(one.take())
        await one.queue.depth()
        await one.link.streams().delete_consumer(name, "sms-small")
        await one.queue.offer([ref(1)])
        assert await waiting == [1]


async def test_a_stream_that_somebody_deletes_is_filled_again_by_an_offer(
    process: Opens, name: str
) -> None:
    refs: list[BatchRef] = [ref(n) for n in range(1, 11)]
    async with process() as one:
        await one.queue.offer(refs)
        held = await one.take()
        await one.link.streams().delete_stream(name)
        await one.queue.ack(keys(*held))
        await one.queue.offer(refs)
        assert await one.take_all(10) == list(range(1, 11))


async def test_a_newer_word_from_elsewhere_replaces_what_waits(process: Opens) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with process() as one, process() as other:
        await one.queue.offer([BatchRef(ref(1).batch, ref(1).message, "sms", 1, later)])
        waiting = asyncio.ensure_future(one.take())
        await one.queue.depth()
        await other.queue.offer([ref(1)])
        assert await waiting == [1]
        await one.queue.ack(keys(1))
        assert await one.queue.depth() == 0


async def test_what_is_no_batch_is_thrown_away(
    process: Opens, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with process() as one:
        await one.queue.offer([ref(1)])
        for junk in (b"", b"[]", b'{"batch": 2}', b"[1, 2]"):
            subject = f"{name.lower()}.work.sms.small.junk"
            await one.link.client.jetstream().publish(subject, junk)
        await one.queue.offer([ref(2)])
        assert await one.take_all(2) == [1, 2]
        await one.queue.ack(keys(1, 2))
        assert await one.queue.depth() == 0
    assert "no batch: thrown away" in caplog.text
