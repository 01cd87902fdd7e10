"""How much of the past the server keeps, for those who read as of one moment.

By default mongod keeps what was overwritten for five minutes. An entity that is written three times
a second then drags 900 former states along, and a write costs a third more after a minute of that.
The embedded server therefore keeps nothing by itself, and a server of the operator's own may be set
so; while somebody reads as of a moment, more is asked for here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from broker.storage.mongo.connection import Document

log = logging.getLogger(__name__)

_WINDOW = "minSnapshotHistoryWindowInSeconds"
_ENOUGH = 300


class History:
    """Asks a server to keep the past while there are readers of it in this process.

    A process that is killed meanwhile leaves the server with the longer window until it starts
    again: slower, never wrong. Another process that ends reading shortens the window for this one
    as well: what is read then fails as DatabaseUnavailable, and the snapshot is filled anew.
    """

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self._readers = 0
        self._usual: int | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """What is overwritten from now on can be read until the block ends. Raises PyMongoError."""
        async with self._turn:
            if self._readers == 0:
                await self._lengthen()
            self._readers += 1
        try:
            yield
        finally:
            async with self._turn:
                self._readers -= 1
                if self._readers == 0:
                    await self._shorten()

    async def _lengthen(self) -> None:
        admin = self._client.admin
        try:
            window = (await admin.command({"getParameter": 1, _WINDOW: 1}))[_WINDOW]
            if window < _ENOUGH:
                await admin.command({"setParameter": 1, _WINDOW: _ENOUGH})
                self._usual = window
        except OperationFailure as error:
            # A mongos has no such setting, and not every user may look at it or change it.
            log.debug("the server's %s stays as it is: %s", _WINDOW, error)

    async def _shorten(self) -> None:
        if self._usual is None:
            return
        await self._client.admin.command({"setParameter": 1, _WINDOW: self._usual})
        self._usual = None
