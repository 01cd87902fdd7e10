"""What was stored already, over restarts: keys of uplinks, and deliveries not yet acknowledged.

Two kinds of repetition are told apart. An uplink that a LoRaWAN server delivers again has the key
of the first one. A message that was stored, but whose acknowledgement did not reach the MQTT
server, comes again under the same packet identifier and marked as a duplicate.

Memory holds everything, the file follows in batches; entries are in the file before a message is
acknowledged. A lost entry (power failure) costs a repeated write of the same values, no more, so
the file is not synchronised with every batch.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import TypeVar

from adapters.runtime.disk import fault_of_file

T = TypeVar("T")
TABLES = """
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    packet_id INTEGER PRIMARY KEY, digest BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS session (
    name TEXT PRIMARY KEY, value TEXT NOT NULL
) WITHOUT ROWID;
"""
SWEEP_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One message that is stored: its keys, and its delivery if it is to be acknowledged."""

    keys: tuple[str, ...] = ()
    packet_id: int | None = None
    digest: bytes = b""


def digest_of(topic: str, payload: bytes) -> bytes:
    """Return what tells one message from another."""
    return hashlib.blake2b(payload, digest_size=12, key=topic.encode()[:64]).digest()


class Ledger:
    """The ledger of one MQTT session; use it as an asynchronous context manager.

    `session` names the session (server and client id): deliveries of another are forgotten.
    `keep_seconds` and `key_limit` bound how many keys are remembered.
    """

    def __init__(
        self, path: Path, session: str, *, keep_seconds: float = 86_400, key_limit: int = 200_000
    ) -> None:
        self._path = path
        self._session = session
        self._keep_seconds = keep_seconds
        self._key_limit = key_limit
        self._keys: dict[str, float] = {}
        self._deliveries: dict[int, bytes] = {}
        self._values: dict[str, str] = {}
        self._since_sweep = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mqtt-ledger")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Ledger:
        await self._in_thread(self._open)
        if self._values.get("session") != self._session:
            self.forget_deliveries()
            await self.remember("session", self._session)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    def knows(self, key: str) -> bool:
        """Say whether an uplink with this key is stored."""
        return key in self._keys

    def was_delivered(self, packet_id: int, digest: bytes) -> bool:
        """Say whether the message a server sends again under this identifier is stored."""
        return self._deliveries.get(packet_id) == digest

    async def add(self, batch: Sequence[Stored]) -> None:
        """Enter messages that are stored; they are in the file when this returns."""
        now = time()
        keys = [(key, now) for one in batch for key in one.keys]
        deliveries = [(one.packet_id, one.digest) for one in batch if one.packet_id is not None]
        self._deliveries.update(deliveries)
        for key, at in keys:
            self._keys.pop(key, None)
            self._keys[key] = at
        dropped = self._dropped(now, len(keys))
        await self._in_thread(lambda: self._write(keys, deliveries, dropped))

    def value(self, name: str) -> str | None:
        """Return a value remembered for the session."""
        return self._values.get(name)

    async def remember(self, name: str, value: str) -> None:
        """Remember a value for the session."""
        self._values[name] = value
        await self._in_thread(
            lambda: self._connected().execute(
                "INSERT OR REPLACE INTO session VALUES (?, ?)", (name, value)
            )
        )

    def forget_deliveries(self) -> None:
        """Forget the deliveries: the server has begun a new session and counts from the start.

        The file follows in its own time, but before anything that is added after this.
        """
        self._deliveries.clear()
        self._thread.submit(lambda: self._connected().execute("DELETE FROM deliveries"))

    def _dropped(self, now: float, added: int) -> list[str]:
        """Take out, now and then, the keys that are too old or too many; they come by age."""
        self._since_sweep += added
        if self._since_sweep < SWEEP_EVERY and len(self._keys) <= self._key_limit:
            return []
        self._since_sweep = 0
        surplus = len(self._keys) - self._key_limit
        dropped = []
        for number, (key, at) in enumerate(self._keys.items()):
            if number >= surplus and at > now - self._keep_seconds:
                break
            dropped.append(key)
        for key in dropped:
            del self._keys[key]
        return dropped

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise fault_of_file(f"the ledger {self._path}", error) from error

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(TABLES)
            self._read(connection)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection

    def _read(self, connection: sqlite3.Connection) -> None:
        oldest = time() - self._keep_seconds
        rows = connection.execute("SELECT key, at FROM keys WHERE at > ? ORDER BY at", (oldest,))
        self._keys = dict(rows.fetchall())
        self._deliveries = dict(connection.execute("SELECT packet_id, digest FROM deliveries"))
        self._values = dict(connection.execute("SELECT name, value FROM session"))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the ledger is not open")
        return self._connection

    def _write(
        self,
        keys: list[tuple[str, float]],
        deliveries: list[tuple[int, bytes]],
        dropped: list[str],
    ) -> None:
        db = self._connected()
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?)", keys)
            db.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?)", deliveries)
            db.executemany("DELETE FROM keys WHERE key = ?", [(key,) for key in dropped])
        except BaseException:
            if db.in_transaction:  # a full disk has ended it
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
