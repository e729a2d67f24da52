"""What every MessageStore does."""

import asyncio
from dataclasses import replace

import pytest

from notefly.domain.delivery import MessageState, State
from notefly.domain.errors import Invalid, KeyReused
from notefly.domain.ids import MessageId, SubscriberId
from notefly.domain.message import Content
from notefly.ports.message_store import Receipt
from tests.support.checks import Suite
from tests.support.story import join, plan, publication, publish, status
from tests.support.world import World

messages = Suite()
GOAL = Content("sports", "Goal!", "Final")
NOBODY_KNOWN = MessageId("0192f0c1-2b3c-7d4e-8f50-617283940516")


async def ids_in(world: World, category: str | None = None, limit: int = 50) -> list[MessageId]:
    """All pages of the list."""
    found: list[MessageId] = []
    cursor = None
    while True:
        page = await world.messages.list(limit, cursor, category)
        assert len(page.items) <= limit
        found += [item.message.id for item in page.items]
        cursor = page.next
        if cursor is None:
            return found


@messages
async def is_ready(world: World) -> None:
    await world.messages.ready()
    await publish(world)
    await world.messages.ready()


@messages
async def keeps_what_was_published(world: World) -> None:
    expires_at = world.clock.now().replace(year=2030)
    content = replace(GOAL, expires_at=expires_at)
    sent = publication(world, content)
    receipt = await world.messages.accept(sent)
    assert receipt == Receipt(sent.ids, sent.accepted_at, replayed=False)
    message = (await status(world, receipt.ids[0])).message
    assert (message.content, message.accepted_at) == (content, sent.accepted_at)


@messages
async def the_same_key_gives_the_same_receipt(world: World) -> None:
    first = await world.messages.accept(publication(world, GOAL, key="k"))
    world.clock.advance(86_400)
    again = await world.messages.accept(publication(world, GOAL, key="k"))
    assert again == replace(first, replayed=True)
    assert await ids_in(world) == list(first.ids)


@messages
async def the_same_key_with_other_content_is_refused(world: World) -> None:
    first = await world.messages.accept(publication(world, GOAL, key="k"))
    with pytest.raises(KeyReused):
        await world.messages.accept(publication(world, replace(GOAL, body="Foul!"), key="k"))
    assert await ids_in(world) == list(first.ids)


@messages
async def a_key_can_be_asked_for(world: World) -> None:
    sent = publication(world, GOAL, key="k")
    assert sent.key is not None
    assert await world.messages.answered(sent.key) is None
    first = await world.messages.accept(sent)
    assert await world.messages.answered(sent.key) == replace(first, replayed=True)
    with pytest.raises(KeyReused):
        await world.messages.answered(replace(sent.key, fingerprint=b"other"))


@messages
async def keys_belong_to_whoever_used_them(world: World) -> None:
    mine = await world.messages.accept(publication(world, GOAL, key="k", owner="me"))
    yours = await world.messages.accept(publication(world, GOAL, key="k", owner="you"))
    assert not yours.replayed
    assert mine.ids != yours.ids


@messages
async def a_key_used_at_once_by_many_stands_for_one_message(world: World) -> None:
    sent = [publication(world, GOAL, key="k") for _ in range(8)]
    receipts = await asyncio.gather(*map(world.messages.accept, sent))
    assert len({tuple(receipt.ids) for receipt in receipts}) == 1
    assert sorted(receipt.replayed for receipt in receipts) == [False] + [True] * 7
    assert len(await ids_in(world)) == 1


@messages
async def a_conflict_undoes_only_its_own_member(world: World) -> None:
    await world.messages.accept(publication(world, GOAL, key="k"))
    other = replace(GOAL, body="Foul!")
    answers = await asyncio.gather(
        world.messages.accept(publication(world, GOAL)),
        world.messages.accept(publication(world, other, other, key="k")),
        world.messages.accept(publication(world, GOAL)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Receipt, KeyReused, Receipt]
    assert len(await ids_in(world)) == 3


@messages
async def many_are_accepted_in_order_under_one_key(world: World) -> None:
    lines = [replace(GOAL, body=str(n)) for n in range(5)]
    first = await world.messages.accept(publication(world, *lines, key="k"))
    again = await world.messages.accept(publication(world, *lines, key="k"))
    assert again.replayed
    assert list(again.ids) == list(first.ids)
    assert await ids_in(world) == list(reversed(first.ids))
    bodies = [(await status(world, message)).message.content.body for message in first.ids]
    assert bodies == list("01234")


@messages
async def of_many_all_or_none_is_accepted(world: World) -> None:
    lost = Content("sports", "For you", only=SubscriberId("nobody"))
    with pytest.raises(Invalid):
        await world.messages.accept(publication(world, GOAL, lost, key="k"))
    assert await ids_in(world) == []
    await world.messages.accept(publication(world, GOAL, key="k"))


@messages
async def what_is_not_there_is_none(world: World) -> None:
    assert await world.messages.get(NOBODY_KNOWN) is None
    assert not await world.messages.cancel(NOBODY_KNOWN, world.clock.now())


@messages
async def pages_make_the_whole_list(world: World) -> None:
    made = [await publish(world, Content(["sports", "finance"][n % 2], "x")) for n in range(7)]
    for limit in (1, 2, 7, 50):
        assert await ids_in(world, limit=limit) == made[::-1]
        assert await ids_in(world, "finance", limit) == made[1::2][::-1]
    assert await ids_in(world, "movies") == []
    assert await ids_in(world, "never used") == []


@messages
async def a_foreign_cursor_is_refused(world: World) -> None:
    for cursor in ("nonsense", "ä", "AAAA", "AAAAAAAAAAA=", "AAAAAAAAAAB"):
        with pytest.raises(Invalid):
            await world.messages.list(5, cursor, None)


@messages
async def a_message_goes_from_accepted_to_done(world: World) -> None:
    alone = await publish(world, Content("movies", "Nobody follows this"))
    assert ((await status(world, alone)).state, (await status(world, alone)).total) == (
        MessageState.ACCEPTED,
        None,
    )
    await join(world, "ada")
    followed = await publish(world)
    await plan(world)
    done, begun = await status(world, alone), await status(world, followed)
    assert (done.state, done.total) == (MessageState.DONE, 0)
    assert (begun.state, begun.total) == (MessageState.DELIVERING, 1)
    assert begun.by_channel["sms"][State.PENDING] == 1


@messages
async def the_first_cancel_counts(world: World) -> None:
    message = await publish(world)
    first = world.clock.now()
    assert await world.messages.cancel(message, first)
    assert await world.messages.cancel(message, world.clock.advance(10))
    assert (await status(world, message)).cancelled_at == first


@messages
async def readers_are_told_what_came_after(world: World) -> None:
    await join(world, "ada")
    first = await publish(world)
    second = await publish(world, Content("movies", "Trailer"))
    await publish(world, Content("sports", "A test", only=SubscriberId("ada")))
    third = await publish(world)
    told = await world.messages.after(first, None, 10)
    assert [message.id for message in told] == [second, third]
    told = await world.messages.after(first, "sports", 10)
    assert [message.id for message in told] == [third]
    assert len(await world.messages.after(first, None, 1)) == 1
    assert list(await world.messages.after(None, None, 10)) == []
