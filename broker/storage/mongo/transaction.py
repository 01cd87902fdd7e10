"""Transactions whose commands need not wait for one another.

Over PyMongo's sessions the four to five small commands of a commit group took a third of its time,
in which the server waited for us and we for the server. That they go out at once is safe because a
command that fails ends the transaction: what was sent behind it, `commitTransaction` included, is
refused.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from bson import Binary, Int64
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.errors import OperationFailure, PyMongoError

from broker.storage.mongo.connection import DURABLE, Document
from broker.storage.mongo.conversation import Conversation, Loan, borrow_connection

_LOCAL = {"level": "local"}
_AT_REST = frozenset({225, 251, 256})
"""TransactionTooOld, NoSuchTransaction, TransactionCommitted."""


@dataclass(slots=True)
class _Session:
    """A session of the server; its transactions are numbered, and one is under way at a time."""

    id: Document = field(default_factory=lambda: {"id": Binary(uuid.uuid4().bytes, 4)})
    number: int = 0


class Transaction(Conversation):
    """A transaction on one connection; reads see the state at its first command.

    After an error it is of no further use.
    """

    def __init__(
        self, connection: AsyncConnection, database: AsyncDatabase[Document], members: Document
    ) -> None:
        super().__init__(connection, database)
        self._members = members
        self._has_begun = False
        self._has_ended = False

    async def send(self, command: Document, *, database: str | None = None) -> None:
        """Send a command; what comes of it is told by the method that waits next."""
        command |= self._members
        if not self._has_begun:
            self._has_begun = True
            command |= {"startTransaction": True, "readConcern": _LOCAL}
        await super().send(command, database=database)

    async def commit(self) -> None:
        """Wait for what was sent, commit it, and return when that is journaled."""
        await self.ask_to_commit()
        await self.ended()

    async def ask_to_commit(self) -> None:
        """Have what was sent committed: `ended` says when that is journaled."""
        await self._ask({"commitTransaction": 1, "writeConcern": DURABLE.document})

    async def abort(self) -> None:
        """Undo what was sent."""
        await self._ask({"abortTransaction": 1})
        await self.ended()

    async def ended(self) -> None:
        """Wait for the end that was asked for."""
        if self._has_begun:
            await self.outcome()
            self._has_ended = True

    async def abandon(self) -> None:
        """Let the server forget a transaction that failed, so that it holds up nobody.

        Raises nothing: a connection that broke is told by the error that is under way.
        """
        if self._has_ended or self.connection.closed:
            return
        for what in (self.outcome, self.abort):
            with suppress(PyMongoError):
                await what()

    def continued_on(self, connection: AsyncConnection) -> Transaction:
        """Return the same transaction on another connection."""
        other = Transaction(connection, self.database, self._members)
        other._has_begun = True
        return other

    async def _ask(self, end: Document) -> None:
        if self._has_begun:
            await self.send(end, database="admin")


class BegunTransaction:
    """The context of a transaction: it has a session, which is used again if all goes well."""

    def __init__(self, database: AsyncDatabase[Document], loan: Loan, free: list[_Session]) -> None:
        self._database = database
        self._loan = loan
        self._free = free
        self._session = free.pop() if free else _Session()
        self._transaction: Transaction | None = None

    async def __aenter__(self) -> Transaction:
        connection = await self._loan.connection()
        session = self._session
        session.number += 1
        members = {"lsid": session.id, "txnNumber": Int64(session.number), "autocommit": False}
        self._transaction = Transaction(connection, self._database, members)
        return self._transaction

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._transaction is not None
        if error is None:
            self._free.append(self._session)
            return
        await self._transaction.abandon()
        await self._loan.give_back(error)


class Transactions:
    """Begins transactions with a deployment, and keeps the sessions they run in."""

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self._free: list[_Session] = []

    def begin(self, database: AsyncDatabase[Document], loan: Loan) -> BegunTransaction:
        """Lend a transaction on a database; it is undone when the block raises.

        Raises PyMongoError; ConnectionFailure while there is no server to ask.
        """
        return BegunTransaction(database, loan, self._free)

    async def put_to_rest(self, transaction: Transaction) -> None:
        """End a transaction of which nobody knows how far it came.

        Afterwards it is committed or never will be. Raises ConnectionFailure while there is no
        server to ask.
        """
        async with await borrow_connection(self._client) as connection:
            try:
                await transaction.continued_on(connection).abort()
            except OperationFailure as error:
                if error.code not in _AT_REST:
                    raise
