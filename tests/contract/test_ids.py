"""Ids of messages, as the product makes them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from notefly.adapters.system import DRAWN, SystemIds

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_no_id_is_given_twice_however_many_threads_ask() -> None:
    ids = SystemIds()

    def some(_: int) -> Sequence[str]:
        return ids.messages(NOON, DRAWN * 4 + 1)

    with ThreadPoolExecutor(4) as threads:
        given = [one for part in threads.map(some, range(8)) for one in part]
    assert len(set(given)) == len(given) == 8 * (DRAWN * 4 + 1)


def test_an_id_is_of_its_time() -> None:
    one = UUID(SystemIds().message(NOON))
    assert (one.version, one.variant) == (7, RFC_4122)
    assert one.int >> 80 == int(NOON.timestamp() * 1_000)
