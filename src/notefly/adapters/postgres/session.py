"""A connection of its own, for what a pool cannot give: something that lasts as long as it does."""

from asyncpg import Connection, Record, connect

SETTINGS = {
    "application_name": "notefly",
    "client_min_messages": "warning",
    # A peer that is gone is noticed within seconds.
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "8000",
}
STORE = "current_schema()::regnamespace::oid::bigint"
"""SQL for a number that all processes on one store have in common, and no other in the database."""


async def open_session(dsn: str, patience_seconds: float, **settings: str) -> "Connection[Record]":
    """`patience_seconds`: to connect, and for each statement. Raises what the driver raises."""
    return await connect(
        dsn,
        timeout=patience_seconds,
        command_timeout=patience_seconds,
        server_settings={**SETTINGS, **settings},
    )
