"""What the driver raises, in the words of the product: the one place that knows both."""

from asyncpg import exceptions as driver

from notefly.adapters.relational.rows import StoreBrokenError
from notefly.domain.errors import CommitUnknown, Unavailable

UNDONE = (
    driver.DeadlockDetectedError,
    driver.SerializationError,
    driver.LockNotAvailableError,
)
"""The server undid the transaction for the sake of another one: it can be done again."""
PASSING = (
    driver.PostgresConnectionError,
    driver.InsufficientResourcesError,
    driver.OperatorInterventionError,
    driver.PostgresSystemError,
    driver.ReadOnlySQLTransactionError,
    driver.InterfaceError,
    driver.InternalClientError,
    OSError,
    TimeoutError,
)
DEFINITE = (
    *UNDONE,
    driver.IntegrityConstraintViolationError,
    driver.InsufficientResourcesError,
    driver.ReadOnlySQLTransactionError,
)
"""Answers to COMMIT that say it did not happen; any other leaves it open."""
DRIVER = (driver.PostgresError, driver.InterfaceError, driver.InternalClientError, OSError)


def translated(error: BaseException) -> BaseException:
    """What to raise instead; the caller keeps the cause. What is not the driver's stays itself."""
    if isinstance(error, (*UNDONE, *PASSING)):
        return Unavailable(f"the store cannot be reached or has no room now: {error}")
    if isinstance(error, DRIVER):
        return StoreBrokenError(f"PostgreSQL refused what must be right: {error}")
    return error


def uncommitted(error: BaseException) -> BaseException:
    """The same for what COMMIT was answered with."""
    if isinstance(error, DEFINITE):
        return translated(error)
    return CommitUnknown(
        "the connection to PostgreSQL was cut while it committed, so nobody knows whether it did: "
        "ask again with the same Idempotency-Key"
    )
