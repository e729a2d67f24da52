"""Reaching a Redis, and what `notefly doctor` asks it."""

from redis.asyncio import ConnectionPool, Redis, RedisError

from notefly.domain.errors import QueueUnusable, Unavailable

OLDEST = (6, 2)


async def examine(address: str, patience_seconds: float) -> tuple[str, list[str]]:
    """Name and version of the server, and what it is better to mend, one line each.

    Raises QueueUnusable for a server that never will do, Unavailable for now.
    """
    async with Redis.from_pool(pool(address, patience_seconds)) as server:
        try:
            told = await server.info()
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis refuses: {error}; correct NOTEFLY_QUEUE") from error
    version = str(told["redis_version"])
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise QueueUnusable(f"Redis is {version}; NOTEFLY_QUEUE needs 6.2 or newer")
    policy = told["maxmemory_policy"]
    forgets = f"Redis drops what it likes when it is full (maxmemory-policy {policy})"
    mend = "set `maxmemory-policy noeviction`"
    return f"Redis {version}", [] if policy == "noeviction" else [f"{forgets}; {mend}"]


def pool(url: str, patience_seconds: float) -> ConnectionPool:
    """It tries once, that of `Redis.from_url` for long."""
    return ConnectionPool.from_url(url, decode_responses=True, socket_timeout=patience_seconds)
