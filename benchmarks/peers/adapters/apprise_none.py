"""Apprise, which has neither queue nor log: whoever publishes, delivers, and nothing is kept.

`each`: its wiki, "Development API" (`Apprise()`, `.add(url)`, `.notify(body=…)`) and "Decorator
Notify" (the no-op sender as `@notify(on="noop")`); an object and a call for each delivery.
`batched`: one object with the addresses of up to 1,000 deliveries and one `.notify()` for all.
"""

from apprise import Apprise
from apprise.decorators import notify

from benchmarks.peers.driving import BATCHED
from benchmarks.peers.work import Lot, witness

seen = witness()


@notify(on="noop")
def noop(body: str, title: str, notify_type: str, *_: object, **more: dict) -> bool:
    message, subscriber, channel = more["meta"]["host"].split("-")[1:]
    seen.send(int(message), int(subscriber), int(channel))
    return True


def prepare() -> None:
    return


def publish(lots: list[Lot]) -> None:
    for lot in lots:
        for part in lot.parts() if BATCHED else [lot]:
            deliver(part)


def deliver(lot: Lot) -> None:
    if BATCHED:
        everybody = Apprise()
        for delivery in lot.deliveries():
            everybody.add(address(delivery))
        everybody.notify(title="News", body="the same to everybody")
        return
    for delivery in lot.deliveries():
        one = Apprise()
        one.add(address(delivery))
        one.notify(title="News", body="the same to everybody")


def address(delivery: tuple[int, int, int]) -> str:
    return "noop://d-" + "-".join(map(str, delivery))
