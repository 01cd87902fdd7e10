"""Groups and devices on disk, in the adapters' store."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from adapters.mqtt.configuration import Device, Group, check_document
from adapters.mqtt.provisioning_errors import WrongSyntax
from adapters.runtime.store import Store

log = logging.getLogger(__name__)

TABLE = """
CREATE TABLE IF NOT EXISTS mqtt_registry (
    adapter TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, service TEXT NOT NULL,
    subservice TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (adapter, kind, key)
) WITHOUT ROWID
"""
GROUP, DEVICE = "group", "device"


class SqliteRegistryStore:
    """The registry of one adapter instance; every call is one transaction."""

    def __init__(self, store: Store, adapter: str) -> None:
        self._store = store
        self._adapter = adapter

    async def load(self) -> tuple[list[Group], list[Device]]:
        """Return everything stored."""
        return await self._store.transact(self._read)

    async def put(self, items: Sequence[Group | Device]) -> None:
        """Insert or replace groups and devices, all or none."""
        rows = [(self._adapter, *_row(item)) for item in items]
        await self._store.transact(
            lambda db: db.executemany(
                "INSERT OR REPLACE INTO mqtt_registry VALUES (?, ?, ?, ?, ?, ?)", rows
            )
        )

    async def remove(self, items: Sequence[Group | Device]) -> None:
        """Remove groups and devices, all or none."""
        keys = [(self._adapter, *_row(item)[:2]) for item in items]
        await self._store.transact(
            lambda db: db.executemany(
                "DELETE FROM mqtt_registry WHERE adapter = ? AND kind = ? AND key = ?", keys
            )
        )

    def _read(self, db: sqlite3.Connection) -> tuple[list[Group], list[Device]]:
        db.execute(TABLE)
        rows = db.execute(
            "SELECT kind, key, service, subservice, document FROM mqtt_registry "
            "WHERE adapter = ? ORDER BY kind, key",
            (self._adapter,),
        ).fetchall()
        groups = [_group(row) for row in rows if row[0] == GROUP]
        devices = [_device(row) for row in rows if row[0] == DEVICE]
        for document in [*(one.document for one in groups), *(one.document for one in devices)]:
            _check(document)
        return groups, devices


def _check(document: Mapping[str, Any]) -> None:
    """Read what a document names (time zones) and tell of what an older version had accepted."""
    try:
        check_document(document, "document")
    except WrongSyntax as error:
        log.warning("stored configuration that cannot be used: %s", error.message)


def _row(item: Group | Device) -> tuple[str, str, str, str, str]:
    kind = GROUP if isinstance(item, Group) else DEVICE
    key = orjson.dumps(item.key).decode()
    return kind, key, item.service, item.subservice, orjson.dumps(item.document).decode()


def _group(row: tuple[str, str, str, str, str]) -> Group:
    resource, apikey = orjson.loads(row[1])
    return Group(row[2], row[3], resource, apikey, orjson.loads(row[4]))


def _device(row: tuple[str, str, str, str, str]) -> Device:
    _, _, apikey, device_id = orjson.loads(row[1])
    return Device(row[2], row[3], apikey, device_id, orjson.loads(row[4]))
