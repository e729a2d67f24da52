"""A broker with one hosted channel and nothing else, to be killed: `python -m … HOW`."""

import asyncio
import sys
import time

from notefly.adapters.channels.host import SupervisedChannel
from tests.channels.builders import hand_over
from tests.channels.specimens import Holder


async def main() -> None:
    channel = SupervisedChannel(
        Holder(), f"{Holder.__module__}:{Holder.__name__}", monotonic=time.monotonic
    )
    await channel.send(hand_over(["someone"], sys.argv[1]))


if __name__ == "__main__":
    asyncio.run(main())
