"""Where the service is between its start and its end."""

import asyncio
from enum import StrEnum


class Phase(StrEnum):
    """Only `ready` takes new traffic; probes are told so."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Lifecycle:
    """One for the service; every stream waits for `stopping`, so that none holds up the end."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self.stopping = asyncio.Event()

    def ready(self) -> None:
        self.phase = Phase.READY

    def drain(self) -> None:
        """Probes say no from now on, and streams end."""
        self.phase = Phase.DRAINING
        self.stopping.set()
