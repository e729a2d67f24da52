"""The log in PostgreSQL, for those whose queue is there too."""

from itertools import count

TABLE = """
CREATE TABLE log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message bigint NOT NULL,
    subscriber integer NOT NULL, channel integer NOT NULL, state text NOT NULL,
    at double precision NOT NULL
)
"""
COLUMNS = ("message", "subscriber", "channel", "state", "at")
COPY = f"COPY log ({', '.join(COLUMNS)}) FROM STDIN"


def numbered(sql: str) -> str:
    """`?` as asyncpg wants it."""
    numbers = count(1)
    return "".join(f"${next(numbers)}" if sign == "?" else sign for sign in sql)
