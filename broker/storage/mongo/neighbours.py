"""What the API workers of a node tell one another: the updates of entities they have committed.

Each holds the entities it wrote last (`held_entities.py`). Told of what another one made of them,
it can go on from there without asking the database. Nothing rests on a message: where one is lost
or comes late, the transaction finds that an entity is not as presumed, and it is read.

Messages are what `marshal` makes of plain values: they never leave the node nor outlive a process,
and it takes a third of the time of BSON, which is told and heard with every write.
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from broker.model.entity import Entity, Instance

log = logging.getLogger(__name__)

_UPDATES_A_MESSAGE = 32
_MESSAGES_A_TURN = 16
_LONGEST_MESSAGE = 1 << 18
"""More than the kernel takes for a datagram by default."""


class ToldUpdate(NamedTuple):
    """What a worker has made of a stored entity: new values of attributes it had.

    The entity is named by its id, and by version and time of modification before the update. Where
    more changed than values, `attributes` is None.
    """

    entity_id: str
    version: int
    modified_at: str
    version_after: int = 0
    modified_after: str = ""
    attributes: Mapping[str, list[Instance]] | None = None

    @classmethod
    def of(cls, before: Entity, after: Entity | None, touched: Iterable[str]) -> ToldUpdate:
        """Return the message for a change; `touched` are the attributes that may differ."""
        if after is None or not _differ_in_values_only(before, after):
            return cls(before.id, before.version, before.modified_at)
        present = after.attributes
        return cls(
            before.id,
            before.version,
            before.modified_at,
            after.version,
            after.modified_at,
            {name: present[name] for name in touched if name in present},
        )

    def following(self, entity: Entity) -> Entity | None:
        """Return what an entity is after the update; None: it has to be read."""
        if (
            self.attributes is None
            or entity.version != self.version
            or entity.modified_at != self.modified_at
        ):
            return None
        return Entity(  # `_replace` takes three times as long
            entity.id,
            entity.types,
            {**entity.attributes, **self.attributes},
            entity.scopes,
            entity.created_at,
            self.modified_after,
            entity.expires_at,
            self.version_after,
        )


def _differ_in_values_only(before: Entity, after: Entity) -> bool:
    return (
        before.attributes.keys() == after.attributes.keys()
        and before.types == after.types
        and before.scopes == after.scopes
        and before.created_at == after.created_at
        and before.expires_at == after.expires_at
    )


def messages_of(tenant: str, updates: Sequence[ToldUpdate]) -> list[bytes]:
    """Return the messages that tell of updates of a tenant's entities."""
    messages: list[bytes] = []
    for start in range(0, len(updates), _UPDATES_A_MESSAGE):
        part = [tuple(update) for update in updates[start : start + _UPDATES_A_MESSAGE]]
        with suppress(ValueError):  # of what cannot be said they find out
            messages.append(marshal.dumps((tenant, part)))
    return messages


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

    def tell(self, messages: Iterable[bytes]) -> None:
        """Tell the others of updates that are committed; who does not listen is not waited for."""
        for message in messages:
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
                # From our own workers, over sockets nobody else has.
                tenant, told = marshal.loads(memoryview(buffer)[:length])  # noqa: S302
                updates = [ToldUpdate(*one) for one in told]
            except (EOFError, TypeError, ValueError):
                log.warning("a message from another worker cannot be read")
            else:
                hear(tenant, updates)
