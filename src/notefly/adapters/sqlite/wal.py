"""The write-ahead log: moved into the file before it is large, and emptied of what was erased."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

import apsw

from notefly.adapters.sqlite.connection import BUSY_MILLISECONDS

LOG = logging.getLogger(__name__)

CHECKPOINT_PAGES = 2_000
"""About 8 MB: small enough that a checkpoint delays nobody for long."""
LARGE_PAGES = 4 * CHECKPOINT_PAGES
"""A WAL begins anew only when no reader looks into it. From here on they are asked to let go."""


class Wal:
    """Of the connection that writes; used by its thread, between transactions."""

    def __init__(
        self,
        connection: apsw.Connection,
        quiet: Callable[[], AbstractContextManager[object]],
        on_unknown: Callable[[BaseException], None],
    ) -> None:
        """`quiet` holds readers off, as far as that is possible, while it is entered."""
        self._connection = connection
        self._quiet = quiet
        self._on_unknown = on_unknown
        self._pages = 0
        self._tried_at = 0
        connection.set_wal_hook(self._saw)

    def keep_small(self) -> None:
        """Readers that take turns keep a WAL growing for ever; a pause of them ends that."""
        if self._pages - self._tried_at < CHECKPOINT_PAGES:
            return
        if not self.checkpoint() and self._pages >= LARGE_PAGES:
            with self._quiet():
                self.checkpoint()

    def wiped(self) -> bool:
        """Empty it of what was erased. False: a reader is in the way, try after the next commit.

        A disk that fails here is as grave as in `checkpoint`.
        """
        self._connection.set_busy_timeout(0)
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.IOError as error:
            self._on_unknown(error)
            return False
        except apsw.Error:
            return False
        finally:
            self._connection.set_busy_timeout(BUSY_MILLISECONDS)
        self._pages = self._tried_at = 0
        return True

    def checkpoint(self, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> bool:
        """Whether all of it is in the file now, so that it begins anew.

        What has no room, or waits for a reader, stays in the WAL until that has grown again.
        A disk that fails here might take the next commit and lose it: what one sync did not write,
        the next one need not write either, and yet succeed ("fsyncgate", 2018).
        """
        self._tried_at = self._pages
        try:
            pages, copied = self._connection.wal_checkpoint(mode=mode)
        except apsw.IOError as error:
            self._on_unknown(error)
        except apsw.Error as error:
            LOG.debug("the checkpoint is put off: %s", error)
        else:
            return pages == copied
        return False

    def _saw(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._pages:
            # It begins anew: everything before was moved.
            self._tried_at = 0
        self._pages = pages
        return apsw.SQLITE_OK
