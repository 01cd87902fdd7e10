"""What the API workers of a node tell one another: the updates of entities they have committed.

Each holds the entities it wrote last (`held_entities.py`). Told of what another one made of them,
it can go on from there without asking the database. Nothing rests on a message: where one is lost
or comes late, the transaction finds that an entity is not as presumed, and it is read.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

import bson
from bson.errors import BSONError

from broker.model.entity import Entity
from broker.storage.mongo.connection import Document

log = logging.getLogger(__name__)

_UPDATES_A_MESSAGE = 32
_MESSAGES_A_TURN = 16
_LONGEST_MESSAGE = 1 << 18
"""More than the kernel takes for a datagram by default."""


class ToldUpdate(NamedTuple):
    """What a worker has written: the update by which a stored entity changed.

    The entity is named by its id, and by version and time of modification before the update.
    """

    entity_id: str
    version: int
    modified_at: str
    update: Document

    @classmethod
    def of(cls, base: Entity, update: Document) -> ToldUpdate:
        """Return the message for an update of an entity."""
        return cls(base.id, base.version, base.modified_at, update)


class Neighbours:
    """The other API workers of this node; without sockets there are none.

    This worker is told in its `inbox`, and tells the others in the `outboxes`: sockets for
    datagrams that do not block.
    """

    def __init__(
        self, inbox: socket.socket | None = None, outboxes: Sequence[socket.socket] = ()
    ) -> None:
        self._inbox = inbox
        self._outboxes = outboxes

    @property
    def are_there(self) -> bool:
        """Whether anybody is there to be told."""
        return bool(self._outboxes)

    def tell(self, tenant: str, updates: Sequence[ToldUpdate]) -> None:
        """Tell the others of updates that are committed; who does not listen is not waited for."""
        for start in range(0, len(updates), _UPDATES_A_MESSAGE):
            part = updates[start : start + _UPDATES_A_MESSAGE]
            message = bson.encode({"t": tenant, "u": part})
            for outbox in self._outboxes:
                with suppress(OSError):
                    outbox.send(message)

    @contextmanager
    def listening(self, hear: Callable[[str, list[ToldUpdate]], None]) -> Iterator[None]:
        """Hand on what the others tell, by tenant, as long as the context lasts."""
        inbox = self._inbox
        if inbox is None:
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(inbox, self._read, inbox, bytearray(_LONGEST_MESSAGE), hear)
        try:
            yield
        finally:
            loop.remove_reader(inbox)

    def _read(
        self,
        inbox: socket.socket,
        buffer: bytearray,
        hear: Callable[[str, list[ToldUpdate]], None],
    ) -> None:
        for _ in range(_MESSAGES_A_TURN):
            try:
                length = inbox.recv_into(buffer)
            except OSError:
                return
            try:
                message = bson.decode(memoryview(buffer)[:length])
                tenant, updates = message["t"], [ToldUpdate(*one) for one in message["u"]]
            except (BSONError, KeyError, TypeError):
                log.warning("a message from another worker cannot be read")
            else:
                hear(tenant, updates)
