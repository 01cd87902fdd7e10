"""Combined look-ups: concurrent reads by id share one query.

While a query is under way, the ids asked for gather; the next query takes them all. There is no
timer: a lone look-up goes out at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import islice

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure

from broker.model.errors import InternalError, NgsiLdError
from broker.observability.metrics import LOOKUP_GROUP_ENTITIES
from broker.observability.tasks import pause, run_in_background
from broker.storage.mongo.connection import Document
from broker.storage.mongo.conversation import LINGERING, Conversation, Loan
from broker.storage.mongo.errors import translated

log = logging.getLogger(__name__)

_IDS_A_QUERY = 500


class LookupGroup:
    """Reads entity documents of one tenant by id."""

    def __init__(
        self, client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
    ) -> None:
        self._loan = Loan(client)
        self._database = database
        self._waiting: dict[str, list[asyncio.Future[Document | None]]] = {}
        self._is_running = False
        self._arrived = asyncio.Event()

    async def fetch(self, entity_id: str) -> Document | None:
        """Return the document, or None."""
        return await self._enter(entity_id)

    async def fetch_many(self, entity_ids: Sequence[str]) -> list[Document]:
        """Return the documents that exist, in the order asked for."""
        found = await asyncio.gather(*[self._enter(entity_id) for entity_id in entity_ids])
        return [document for document in found if document is not None]

    def _enter(self, entity_id: str) -> asyncio.Future[Document | None]:
        future: asyncio.Future[Document | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(entity_id, []).append(future)
        self._arrived.set()
        if not self._is_running:
            self._is_running = True
            run_in_background(self._run(), name="look-up group")
        return future

    async def _run(self) -> None:
        try:
            while await self._is_called():
                ids = list(islice(self._waiting, _IDS_A_QUERY))
                LOOKUP_GROUP_ENTITIES.observe(len(ids))
                group = [(entity_id, self._waiting.pop(entity_id)) for entity_id in ids]
                found: dict[str, Document] = {}
                failure: NgsiLdError | None = None
                try:
                    found = await self._query(ids)
                except NgsiLdError as error:
                    failure = error
                except Exception:
                    log.exception("a look-up failed")
                    failure = InternalError("the look-up failed; the log says why")
                for entity_id, readers in group:
                    for reader in readers:
                        _answer(reader, found.get(entity_id), failure)
        finally:
            self._is_running = False
            await self._loan.give_back()

    async def _is_called(self) -> bool:
        if not self._waiting:
            self._arrived.clear()
            await pause(self._arrived, LINGERING)
        await asyncio.sleep(0)  # requests that arrived together are still to be parsed
        return bool(self._waiting)

    async def _query(self, ids: list[str]) -> dict[str, Document]:
        with translated():
            try:
                found = await self._find(ids)
            except ConnectionFailure:  # a new primary may have been elected meanwhile
                found = await self._find(ids)
        return {document["_id"]: document for document in found}

    async def _find(self, ids: list[str]) -> list[Document]:
        condition = {"_id": ids[0] if len(ids) == 1 else {"$in": ids}}
        try:
            connection = await self._loan.connection()
            return await Conversation(connection, self._database).find("entities", condition)
        except BaseException as error:
            await self._loan.give_back(error)
            raise


def _answer(
    reader: asyncio.Future[Document | None], document: Document | None, failure: NgsiLdError | None
) -> None:
    if reader.done():  # it went away
        return
    if failure is None:
        reader.set_result(document)
    else:
        reader.set_exception(failure)
