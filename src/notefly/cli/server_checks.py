"""What `notefly doctor` asks of the servers that the settings name."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from notefly.bootstrap import examine_store
from notefly.cli.finding import Finding
from notefly.config import Settings, SettingsInvalid, masked
from notefly.domain.errors import NoteflyError

SKEW_SECONDS = 1.0
"""Times in the log are those of the process that wrote them; consent is promised within as much."""


def examine_servers(settings: Settings) -> Iterator[Finding]:
    """The store, and how far this machine's clock is from its."""
    if not settings.store:
        return
    before = datetime.now(UTC)
    try:
        version, at = asyncio.run(examine_store(settings))
    except (NoteflyError, SettingsInvalid) as error:
        detail, _colon, mend = str(error).rpartition("; ")
        yield Finding("store", "bad", detail or mend, mend if detail else "")
        return
    yield Finding("store", "ok", f"PostgreSQL {version} at {masked(settings.store)}")
    apart = max((before - at).total_seconds(), (at - datetime.now(UTC)).total_seconds())
    if apart > SKEW_SECONDS:
        detail = f"{apart:.1f} s from the clock of PostgreSQL"
        yield Finding("clocks", "bad", detail, "set the clocks: timedatectl set-ntp true")
    else:
        yield Finding("clocks", "ok", "as PostgreSQL's")
