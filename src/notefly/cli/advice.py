"""What is worth knowing when a service starts that others can reach, or that wants keys."""

import asyncio
from collections.abc import Iterator, Sequence

from notefly.config import Settings, loopback
from notefly.domain.access import ApiKey
from notefly.domain.errors import StoreUnusable


def about_broker(settings: Settings) -> Iterator[str]:
    """Nothing for one that only this machine reaches."""
    if not loopback(settings.host) and not settings.allowed_hosts:
        yield (
            f"listening on {settings.host}, but answering under localhost only: list the names "
            "by which others call it in NOTEFLY_ALLOWED_HOSTS"
        )
    if settings.keys_required and not _has_key(settings):
        yield (
            "API keys are required, and there is none yet: make one with "
            "`notefly keys create NAME --scope admin`, now or while it runs"
        )


def about_client(settings: Settings) -> Iterator[str]:
    """Nothing where it listens as it was told."""
    if settings.client_host != settings.host:
        yield (
            f"the console has no login, so it listens on {settings.client_host} only; from another "
            f"machine use a tunnel: ssh -L {settings.client_port}:{settings.client_host}:"
            f"{settings.client_port} …"
        )


def _has_key(settings: Settings) -> bool:
    from notefly.bootstrap import keys

    async def listed() -> Sequence[ApiKey]:
        async with keys(settings) as store:
            return await store.list()

    try:
        found = asyncio.run(listed())
    except StoreUnusable:
        return False
    return any(key.revoked_at is None for key in found)
