"""Partitions of the log, made ahead of the messages that need them."""

from notefly.adapters.postgres.transaction import Transaction

MESSAGES = 10_000
"""Of one partition: few enough that old ones go one by one, enough that there are not thousands."""
SETTINGS = (
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, "
    "autovacuum_analyze_scale_factor = 0.02"
)


def make_ahead(transaction: Transaction, newest: int, covered: int) -> None:
    """One partition more than `newest` needs; `covered` is the first message without one.

    Whoever calls holds the message counter. Attaching a table that was made by itself holds up
    neither readers nor writers of the others; making it as a partition would.
    """
    while covered <= newest + MESSAGES:
        following = covered + MESSAGES
        name = f"delivery_{covered}"
        transaction.run(
            f"CREATE TABLE {name} (LIKE delivery INCLUDING ALL, "
            f"CHECK (message >= {covered} AND message < {following})) WITH ({SETTINGS})"
        )
        transaction.run(
            f"ALTER TABLE delivery ATTACH PARTITION {name} "
            f"FOR VALUES FROM ({covered}) TO ({following})"
        )
        transaction.run("UPDATE meta SET value = $1 WHERE name = 'delivery'", (following,))
        covered = following
