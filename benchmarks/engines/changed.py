"""The product's command line, with an instrument in it, or one part changed on purpose.

`python -m benchmarks.engines.changed '["stamps"]' worker …`
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from typing_extensions import override

from benchmarks.channels import CalledChannel
from benchmarks.engines.population import KINDS
from notefly.adapters.postgres.batches import PostgresBatches
from notefly.adapters.postgres.messages import Member, PostgresMessages
from notefly.adapters.relational.batches import RelationalBatches
from notefly.bootstrap import surroundings
from notefly.cli import main as command_line
from notefly.domain.batch import Report
from notefly.domain.outcome import Outcomes
from notefly.ports.batch_store import Finished
from notefly.ports.channel import HandOver
from notefly.ports.message_store import Publication, Receipt

Finish = Callable[[Any, Sequence[Report]], Coroutine[Any, Any, Finished]]
ANSWER_SECONDS = 0.05


def stamps(stack: ExitStack) -> None:
    """When each batch was durable, by a clock that all processes of a machine share."""
    path = Path(f"stamps-{os.getpid()}")
    file = stack.enter_context(path.open("w", buffering=1, encoding="utf-8"))

    def stamped(right: Finish) -> Finish:
        async def finish(batches: RelationalBatches, reports: Sequence[Report]) -> Finished:
            finished = await right(batches, reports)
            now = time.monotonic()
            file.write("".join(f"{report.claim.message.id} {now}\n" for report in reports))
            return finished

        return finish

    for kind in (RelationalBatches, PostgresBatches):
        stack.enter_context(mock.patch.object(kind, "finish", stamped(kind.finish)))


def one_each(stack: ExitStack) -> None:
    """A transaction for every request, as many at once as the pool has connections."""

    async def accept(messages: PostgresMessages, publication: Publication) -> Receipt:
        member = Member(publication, asyncio.get_running_loop().create_future())
        await messages._commit([member])  # noqa: SLF001 - the way around the group
        return await member.answer

    stack.enter_context(mock.patch.object(PostgresMessages, "accept", accept))


class DistantChannel(CalledChannel):
    """Its provider needs a while for a hand-over, and answers for each recipient."""

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        await asyncio.sleep(ANSWER_SECONDS)
        return await super().send(hand_over)


def distant(stack: ExitStack) -> None:
    """Every channel has a provider that is waited for."""
    channels = {name: DistantChannel(name, kind) for name, kind in KINDS.items()}
    stack.enter_context(mock.patch.object(surroundings, "load_channels", return_value=channels))


CHANGES: dict[str, Callable[[ExitStack], None]] = {
    "stamps": stamps,
    "one-each": one_each,
    "distant": distant,
}


def main() -> None:
    with ExitStack() as stack:
        for name in json.loads(sys.argv.pop(1)):
            CHANGES[name](stack)
        command_line()


if __name__ == "__main__":
    main()
