"""What `notefly doctor` asks of the servers that the settings name."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from urllib.parse import urlsplit

from notefly.bootstrap import examine_queue, examine_store
from notefly.cli.finding import Finding, Verdict
from notefly.config import Settings, SettingsInvalid
from notefly.config.showing import masked
from notefly.domain.errors import NoteflyError

CONNECT_SECONDS = 2.0
ENGINES = {
    "nats": ("nats", 4222),
    "tls": ("nats", 4222),
    "redis": ("redis", 6379),
    "rediss": ("redis", 6379),
}
"""By the scheme of their address: the library, which the extra is named after, and the port."""
SKEW_SECONDS = 1.0
"""Times in the log are those of the process that wrote them; consent is promised within as much."""


def examine_servers(settings: Settings) -> Iterator[Finding]:
    """The queue's, the store's, and how far this machine's clock is from the store's."""
    if settings.store:
        yield from _queue(settings)
        yield from _store(settings)


def _queue(settings: Settings) -> Iterator[Finding]:
    """Which servers nobody answers at; of the others, whether work can go through them."""
    answered = False
    for server in filter(None, settings.queue.split(",")):
        parts = urlsplit(server)
        library, usual = ENGINES[parts.scheme]
        if find_spec(library) is None:
            mend = f"pip install 'notefly[{library}]'"
            yield Finding("queue", "bad", f"the Python library {library} is not installed", mend)
            return
        try:
            socket.create_connection(
                (parts.hostname or "", parts.port or usual), CONNECT_SECONDS
            ).close()
        except OSError as error:
            detail = f"nobody answers at {masked(server)} ({error.strerror or error})"
            yield Finding("queue", "bad", detail, "start it, or correct NOTEFLY_QUEUE")
        else:
            answered = True
    if answered:
        yield from _queue_works(settings)


def _queue_works(settings: Settings) -> Iterator[Finding]:
    try:
        what, doubts = asyncio.run(examine_queue(settings, CONNECT_SECONDS))
    except (NoteflyError, SettingsInvalid) as error:
        yield _told("queue", "bad", str(error), ("; ", ": "))
        return
    yield Finding("queue", "ok", f"{what} at {masked(settings.queue)}")
    yield from (_told("queue", "note", doubt) for doubt in doubts)


def _store(settings: Settings) -> Iterator[Finding]:
    before = datetime.now(UTC)
    try:
        version, at = asyncio.run(examine_store(settings))
    except (NoteflyError, SettingsInvalid) as error:
        yield _told("store", "bad", str(error))
        return
    yield Finding("store", "ok", f"PostgreSQL {version} at {masked(settings.store)}")
    apart = max((before - at).total_seconds(), (at - datetime.now(UTC)).total_seconds())
    if apart > SKEW_SECONDS:
        detail = f"{apart:.1f} s from the clock of PostgreSQL"
        yield Finding("clocks", "bad", detail, "set the clocks: timedatectl set-ntp true")
    else:
        yield Finding("clocks", "ok", "as PostgreSQL's")


def _told(name: str, verdict: Verdict, words: str, marks: Sequence[str] = ("; ",)) -> Finding:
    """Messages end with what to do, after the first of `marks` that is there."""
    for mark in marks:
        detail, found, mend = words.rpartition(mark)
        if found:
            return Finding(name, verdict, detail, mend)
    return Finding(name, verdict, words)
