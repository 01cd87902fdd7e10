"""Commands on one connection that need not wait for one another.

PyMongo sends a command when the answer to the one before has been read and handled, which costs the
event loop four to five turns and 0.4 ms each time. Here commands go out as they are made, the
server carries them out in order, and the answers are read together.

Connections come from PyMongo's pool, so discovery, TLS, authentication and the watch over the
servers stay PyMongo's. That it lends one is not part of its documented interface, which is why
`pyproject.toml` admits only releases this was tried with (tests/contract/storage/
test_conversation.py, test_transaction.py).
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import AbstractAsyncContextManager

from bson import Int64
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.errors import DocumentTooLarge, OperationFailure
from pymongo.helpers_shared import _check_command_response
from pymongo.message import _UNPACK_REPLY, _op_msg, _OpMsg

from broker.storage.mongo.connection import Document

_BATCH = 1_000
_LONGEST_SILENCE = 30.0
"""Seconds after which a server that says nothing is taken for gone."""
_LONGEST_LOAN = 1.0
"""Seconds after which others who need a connection get theirs."""
LINGERING = 0.05
"""Seconds for which whoever has a loan stays when there is no work: under load the next request
arrives within a millisecond of the last answer."""
_OK = b"\x01ok\0" + struct.pack("<d", 1)
_OF_FAILURES = b"rr"
"""In the names of all members that tell of one: errmsg, errorLabels, writeErrors, ..."""


async def borrow_connection(
    client: AsyncMongoClient[Document],
) -> AbstractAsyncContextManager[AsyncConnection]:
    """Lend a connection to the primary; errors that leave the block are told to the pool.

    Raises ConnectionFailure while there is no primary.
    """
    return await client._conn_for_writes(None, "conversation")  # noqa: SLF001 - see above


class Loan:
    """A connection to the primary for one conversation after the other, while there is work for it.

    To choose a server and to ask the pool for each took a sixth of the time of a small commit
    group. It is given back when there is no more work, when something goes wrong, and once in a
    while.
    """

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self._lent: AbstractAsyncContextManager[AsyncConnection] | None = None
        self._connection: AsyncConnection | None = None
        self._ends = 0.0

    async def connection(self) -> AsyncConnection:
        """Return the connection. Raises ConnectionFailure while there is no primary."""
        now = asyncio.get_running_loop().time()
        if self._connection is not None and now < self._ends:
            return self._connection
        if self._lent is not None:
            await self.give_back()
            await asyncio.sleep(0)  # who waits for one comes first
        lent = await borrow_connection(self._client)
        self._connection = await lent.__aenter__()
        self._lent = lent
        self._ends = now + _LONGEST_LOAN
        return self._connection

    async def give_back(self, error: BaseException | None = None) -> None:
        """Give the connection back; the pool is told of what went wrong with it."""
        lent, self._lent, self._connection = self._lent, None, None
        if lent is not None:
            await lent.__aexit__(None if error is None else type(error), error, None)


class Conversation:
    """Commands on a database over one connection, and their answers.

    Every method raises PyMongoError, DocumentTooLarge for what no server takes.
    """

    def __init__(self, connection: AsyncConnection, database: AsyncDatabase[Document]) -> None:
        self.connection = connection
        self.database = database
        self._unanswered: list[int] = []

    async def send(self, command: Document, *, database: str | None = None) -> None:
        """Send a command; what comes of it is told by the method that waits next.

        Raises DocumentTooLarge before anything is sent.
        """
        codec, compression = self.database.codec_options, self.connection.compression_context
        name = database or self.database.name
        request, message, size, largest = _op_msg(0, command, name, None, codec, compression)
        if size > self.connection.max_message_size or largest > self.connection.max_bson_size:
            raise DocumentTooLarge(f"a command of {size} bytes is more than the server takes")
        await self._write(message)
        self._unanswered.append(request)

    async def answers(self) -> list[Document]:
        """Read the answers to all that was sent, and raise the first failure among them."""
        messages = await self._messages()
        answers = [one.command_response(self.database.codec_options) for one in messages]
        for answer in answers:
            self._check(answer)
        return answers

    async def outcome(self) -> None:
        """Read the answers to all that was sent, and raise the first failure among them.

        Those that tell of none are not looked at any closer.
        """
        codec = self.database.codec_options
        for message in await self._messages():
            if not _is_ok(bytes(message.raw_command_response())):
                self._check(message.command_response(codec))

    async def find(
        self, collection: str, condition: Document, projection: Document | None = None
    ) -> list[Document]:
        """Return all documents of a collection that fulfil a condition."""
        command: Document = {"find": collection, "filter": condition, "batchSize": _BATCH}
        if projection is not None:
            command["projection"] = projection
        await self.send(command)
        cursor = (await self.answers())[-1]["cursor"]
        found: list[Document] = cursor["firstBatch"]
        while cursor["id"]:
            await self.send({"getMore": Int64(cursor["id"]), "collection": collection})
            cursor = (await self.answers())[-1]["cursor"]
            found += cursor["nextBatch"]
        return found

    async def _write(self, message: bytes) -> None:
        """Hand a message to the transport, which sends those of one turn of the loop together.

        The connection's own `send_message` makes a task for each, and waits for a turn.
        """
        try:
            await self.connection.conn.get_conn.write(message)
        except BaseException as error:  # noqa: BLE001 - closes the connection and raises it again
            await self.connection._raise_connection_failure(error)  # noqa: SLF001 - see above

    async def _messages(self) -> list[_OpMsg]:
        """Read what is still to come.

        The connection's own `receive_message` makes two tasks for each message to be able to stop
        when PyMongo takes the server for lost; here the time is limited instead.
        """
        connection = self.connection
        largest, protocol = connection.max_message_size, connection.conn.get_conn
        messages: list[_OpMsg] = []
        try:
            async with asyncio.timeout(_LONGEST_SILENCE):
                for request in self._unanswered:
                    data, kind = await protocol.read(request, largest)
                    messages.append(_UNPACK_REPLY[kind](data))
        except BaseException as error:  # noqa: BLE001 - closes the connection and raises it again
            await connection._raise_connection_failure(error)  # noqa: SLF001 - see above
        finally:
            self._unanswered.clear()
        return messages

    def _check(self, answer: Document) -> None:
        _check_command_response(
            answer, self.connection.max_wire_version, parse_write_concern_error=True
        )
        errors = answer.get("writeErrors")
        if errors:
            raise OperationFailure(errors[0].get("errmsg", ""), errors[0]["code"], errors[0])


def _is_ok(answer: bytes) -> bool:
    """Return whether an answer of the server certainly tells of no failure."""
    return _OK in answer and _OF_FAILURES not in answer
