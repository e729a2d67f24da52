"""The queues that a cluster may have, by the settings that choose them."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import NotRun
from tests.support.nats import Servers, servers

Settings = Mapping[str, str]


@contextmanager
def skip_locked() -> Iterator[Settings]:
    """The store's own."""
    yield {}


@contextmanager
def jetstream(nodes: int) -> Iterator[Settings]:
    """So many nodes, each of which syncs before it answers."""
    with nats(nodes) as servers:
        yield {"NOTEFLY_QUEUE": servers.addresses, "NOTEFLY_QUEUE_REPLICAS": str(nodes)}


@contextmanager
def nats(nodes: int) -> Iterator[Servers]:
    """Servers of their own. Raises NotRun where there is no program for them."""
    with tempfile.TemporaryDirectory(prefix="notefly-nats-", ignore_cleanup_errors=True) as folder:
        every = servers(nodes, Path(folder), sync="always")
        try:
            every.start().wait_until_healthy()
            yield every
        except FileNotFoundError as error:
            raise NotRun("nats-server is not installed") from error
        finally:
            every.end()
