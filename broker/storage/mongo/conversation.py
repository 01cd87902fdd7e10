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


async def borrow_connection(
    client: AsyncMongoClient[Document],
) -> AbstractAsyncContextManager[AsyncConnection]:
    """Lend a connection to the primary; errors that leave the block are told to the pool.

    Raises ConnectionFailure while there is no primary.
    """
    return await client._conn_for_writes(None, "conversation")  # noqa: SLF001 - see above


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
