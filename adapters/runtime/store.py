"""A small durable store: one SQLite file that checkpoints and dead letters share.

Every call is one transaction, on disk (`synchronous = FULL`) before it returns. SQLite is called
in one thread of its own, so the event loop never waits for the disk. Another process (the command
line) may read and write the same file at the same time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from adapters.runtime.disk import fault_of_file

T = TypeVar("T")
FILE = "adapters.sqlite3"
TABLES = """
CREATE TABLE IF NOT EXISTS checkpoints (
    adapter TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (adapter, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, adapter TEXT NOT NULL, at TEXT NOT NULL,
    reason TEXT NOT NULL, record TEXT, entity TEXT, tenant TEXT, subject TEXT
);
CREATE INDEX IF NOT EXISTS dead_letters_of_adapter ON dead_letters (adapter, id);
CREATE TABLE IF NOT EXISTS evicted_letters (
    adapter TEXT PRIMARY KEY, number INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Store:
    """The open file; use it as an asynchronous context manager."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="adapters-store")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Store:
        await self._in_thread(self._open)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction; it is on disk when this returns.

        Raises `RetryLater` when the disk is full, `StopAdapter` when the file cannot be used (no
        permission, damaged).
        """
        return await self._in_thread(lambda: self._transaction(work))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise fault_of_file(f"the adapters' store {self._path}", error) from error

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(TABLES)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise sqlite3.ProgrammingError("the store is not open")
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except BaseException:
            if connection.in_transaction:  # a full disk has ended it
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result
