"""Transactions whose commands need not wait for one another.

PyMongo's sessions send a command only when the answer to the one before has been read and handled:
for the four to five small commands of a commit group that was a third of its time, in which the
server waited for us and we for the server. Here the commands of a transaction go out on one
connection as they are made, the server carries them out in order, and the answers are read at the
end. That is safe because a command that fails ends the transaction: what was sent behind it,
`commitTransaction` included, is refused.

Connections come from PyMongo's pool, so discovery, TLS, authentication and the watch over the
servers stay PyMongo's; that it lends one is not part of its documented interface, which is why
`pyproject.toml` admits only releases this was tried with (tests/contract/storage/
test_transaction.py).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field

from bson import Binary, Int64
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.errors import DocumentTooLarge, OperationFailure, PyMongoError
from pymongo.helpers_shared import _check_command_response
from pymongo.message import _op_msg
from pymongo.write_concern import WriteConcern

from broker.storage.mongo.connection import DURABLE, Document

_LOCAL = {"level": "local"}
_AT_REST = frozenset({225, 251, 256})
"""TransactionTooOld, NoSuchTransaction, TransactionCommitted."""


@dataclass(slots=True)
class _Session:
    """A session of the server; its transactions are numbered, and one is under way at a time."""

    id: Document = field(default_factory=lambda: {"id": Binary(uuid.uuid4().bytes, 4)})
    number: int = 0


class Transaction:
    """A transaction on one connection.

    Reads see the state at its first command. Every method raises PyMongoError, DocumentTooLarge for
    what no server takes; after an error the transaction is of no further use.
    """

    def __init__(
        self, connection: AsyncConnection, database: AsyncDatabase[Document], session: _Session
    ) -> None:
        self._connection = connection
        self._database = database
        self._session = session
        self._members: Document = {
            "lsid": session.id,
            "txnNumber": Int64(session.number),
            "autocommit": False,
        }
        self._has_begun = False
        self._has_ended = False
        self._unanswered: list[int] = []

    async def find(
        self, collection: str, condition: Document, projection: Document | None = None
    ) -> list[Document]:
        """Return all documents of a collection that fulfil a condition."""
        command: Document = {"find": collection, "filter": condition, "batchSize": 1_000}
        if projection is not None:
            command["projection"] = projection
        await self.send(command)
        cursor = (await self._answers())[-1]["cursor"]
        found: list[Document] = cursor["firstBatch"]
        while cursor["id"]:
            await self.send({"getMore": Int64(cursor["id"]), "collection": collection})
            cursor = (await self._answers())[-1]["cursor"]
            found += cursor["nextBatch"]
        return found

    async def send(self, command: Document) -> None:
        """Send a command; what comes of it is told by the method that waits next."""
        command |= self._members
        if not self._has_begun:
            self._has_begun = True
            command |= {"startTransaction": True, "readConcern": _LOCAL}
        await self._send(command, self._database.name)

    async def commit(self) -> None:
        """Wait for what was sent, commit it, and return when that is journaled."""
        await self._end({"commitTransaction": 1}, DURABLE)

    async def abort(self) -> None:
        """Undo what was sent."""
        await self._end({"abortTransaction": 1})

    async def abandon(self) -> None:
        """Let the server forget a transaction that failed, so that it holds up nobody.

        Raises nothing: a connection that broke is told by the error that is under way.
        """
        if not self._has_begun or self._has_ended or self._connection.closed:
            return
        for what in (self._answers, self.abort):
            with suppress(PyMongoError):
                await what()

    def continued_on(self, connection: AsyncConnection) -> Transaction:
        """Return the same transaction on another connection."""
        other = Transaction(connection, self._database, self._session)
        other._members, other._has_begun = self._members, True
        return other

    async def _end(self, command: Document, concern: WriteConcern | None = None) -> None:
        if not self._has_begun:
            return
        command |= self._members
        if concern is not None:
            command["writeConcern"] = concern.document
        await self._send(command, "admin")
        await self._answers()
        self._has_ended = True

    async def _send(self, command: Document, database: str) -> None:
        request, message, size, largest = _op_msg(
            0,
            command,
            database,
            None,
            self._database.codec_options,
            self._connection.compression_context,
        )
        if size > self._connection.max_message_size:
            raise DocumentTooLarge(f"a command of {size} bytes is more than the server takes")
        await self._connection.send_message(message, largest)
        self._unanswered.append(request)

    async def _answers(self) -> list[Document]:
        """Read the answers to all that was sent, and raise the first failure among them."""
        answers: list[Document] = []
        while self._unanswered:
            message = await self._connection.receive_message(self._unanswered[0])
            del self._unanswered[0]
            answers.append(message.command_response(self._database.codec_options))
        for answer in answers:
            self._check(answer)
        return answers

    def _check(self, answer: Document) -> None:
        _check_command_response(
            answer, self._connection.max_wire_version, parse_write_concern_error=True
        )
        errors = answer.get("writeErrors")
        if errors:
            raise OperationFailure(errors[0].get("errmsg", ""), errors[0]["code"], errors[0])


class Transactions:
    """Begins transactions with a deployment, and keeps the sessions they run in."""

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self._free: list[_Session] = []

    @asynccontextmanager
    async def begin(self, database: AsyncDatabase[Document]) -> AsyncIterator[Transaction]:
        """Lend a transaction on a database; it is undone when the block raises.

        Raises PyMongoError; ConnectionFailure while there is no server to ask.
        """
        session = self._free.pop() if self._free else _Session()
        session.number += 1
        async with await self._connection() as connection:
            transaction = Transaction(connection, database, session)
            try:
                yield transaction
            except BaseException:
                await transaction.abandon()
                raise
        self._free.append(session)

    async def put_to_rest(self, transaction: Transaction) -> None:
        """End a transaction of which nobody knows how far it came.

        Afterwards it is committed or never will be. Raises ConnectionFailure while there is no
        server to ask.
        """
        async with await self._connection() as connection:
            try:
                await transaction.continued_on(connection).abort()
            except OperationFailure as error:
                if error.code not in _AT_REST:
                    raise

    async def _connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return await self._client._conn_for_writes(None, "transaction")  # noqa: SLF001 - see above
