"""From deliveries to acknowledgements.

Three steps, each at its own pace, with no task for a message:

1. `receive` takes a delivery from the connection: a repetition joins what is known of it, anything
   else waits to be read. Beyond the window (messages, or bytes of payload) the
   connection is paused.
2. *reading* decodes the waiting messages in their order and submits their entities to the writer,
   which keeps the order of every entity; a full writer makes it wait.
3. *settling* takes the messages whose entities the broker has committed (or whose faults are to
   become dead letters), enters them in the ledger, and acknowledges: in the order in which the
   messages came, as MQTT demands (MQTT-4.6.0-2).

A message whose entities cannot be written because the adapter stops is not acknowledged: the
server delivers it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from adapters.mqtt.attribute_mapping import Entity
from adapters.mqtt.connection import Connection, Delivery
from adapters.mqtt.ledger import Stored, digest_of
from adapters.mqtt.measure import Message
from adapters.mqtt.observations import MessageReader, Observation
from adapters.mqtt.outlets import Outlets
from adapters.runtime.batch import Written
from adapters.runtime.errors import NotWritten, SkipRecord
from broker.observability.tasks import spawn

log = logging.getLogger(__name__)

BYTES_UNDER_WAY = 32_000_000


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a message, or the entity it was read as, could not be stored."""

    reason: str
    entity: Entity | None = None
    tenant: str | None = None


@dataclass(slots=True, eq=False)
class _Entry:
    """A message on its way. `open` counts entities the broker has not answered for."""

    delivery: Delivery
    digest: bytes = b""
    session: int = 0
    keys: tuple[str, ...] = ()
    open: int = 0
    is_stored: bool = False
    is_abandoned: bool = False
    faults: list[_Fault] = field(default_factory=list)


class Receiver:
    """Takes deliveries and acknowledges each once the broker has committed what it holds."""

    def __init__(self, reader: MessageReader, outlets: Outlets, *, window: int) -> None:
        self._reader = reader
        self._outlets = outlets
        self._ledger = outlets.ledger
        self._window = window
        self._waiting: deque[_Entry] = deque()
        self._order: deque[_Entry] = deque()
        self._settled: list[_Entry] = []
        self._by_packet: dict[int, _Entry] = {}
        self._open_keys: set[str] = set()
        self._arrived = asyncio.Event()
        self._progress = asyncio.Event()
        self._connection: Connection | None = None
        self._session = 0
        self._under_way = 0
        self._bytes = 0
        self._is_paused = False
        self._warned_of_qos_0 = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Read and settle until cancelled.

        Raises `NotWritten` when the writer was closed or failed, `RetryLater` when the disk has no
        room for the ledger or the dead letters, `StopAdapter` when they cannot be written.
        """
        work = [
            spawn(self._read_all(), name="mqtt-reading"),
            spawn(self._settle_all(), name="mqtt-settling"),
        ]
        try:
            await asyncio.gather(*work, self._failure)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def drain(self, seconds: float) -> None:
        """Give what is under way some time to be written and acknowledged; `run` goes on."""
        if self._connection is not None:
            self._connection.pause()
        self._idle.clear()
        if self._under_way:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)

    def connected(self, connection: Connection, *, is_resumed: bool) -> None:
        """Begin with a new connection.

        What is under way goes on; acknowledgements it still owes are sent when the server
        delivers the messages again. With a new session packet identifiers begin anew.
        """
        self._connection = connection
        self._order.clear()
        if not is_resumed:
            self._session += 1
            self._by_packet.clear()
            self._ledger.forget_deliveries()

    def receive(self, delivery: Delivery) -> None:
        """Take a delivery; the callback of the connection."""
        self._outlets.health.count("messages")
        if delivery.qos == 0:
            self._warn_of_qos_0(delivery)
            self._take(_Entry(delivery))
            return
        digest = digest_of(delivery.topic, delivery.payload)
        if delivery.is_duplicate and self._joined(delivery, digest):
            return
        entry = _Entry(delivery, digest, self._session)
        self._by_packet[delivery.packet_id] = entry
        self._order.append(entry)
        self._take(entry)

    def _take(self, entry: _Entry) -> None:
        self._waiting.append(entry)
        self._under_way += 1
        self._bytes += len(entry.delivery.payload)
        self._arrived.set()
        if self._under_way >= self._window or self._bytes >= BYTES_UNDER_WAY:
            self._is_paused = True
            entry.delivery.connection.pause()

    def _joined(self, delivery: Delivery, digest: bytes) -> bool:
        """Join a message that comes again with what is known of it."""
        known = self._by_packet.get(delivery.packet_id)
        if known is not None and known.digest == digest and not known.is_abandoned:
            known.delivery = delivery
            self._order.append(known)
            self._progress.set()
            return True
        if self._ledger.was_delivered(delivery.packet_id, digest):
            self._outlets.health.count("redelivered")
            self._order.append(_Entry(delivery, digest, self._session, is_stored=True))
            self._progress.set()
            return True
        return False

    async def _read_all(self) -> None:
        while True:
            while self._waiting:
                await self._read(self._waiting.popleft())
            self._arrived.clear()
            await self._arrived.wait()

    async def _read(self, entry: _Entry) -> None:
        delivery = entry.delivery
        entry.open = 1
        try:
            message = Message(delivery.topic, delivery.payload, self._outlets.clock())
            for observation in self._reader.read(message):
                await self._submit(entry, observation)
        except SkipRecord as error:
            entry.faults.append(_Fault(error.detail))
        except NotWritten as error:
            self._abandon(entry, error)
        except Exception as error:  # a fault of ours must not stop the other devices
            log.exception("cannot read a message", extra={"topic": delivery.topic})
            entry.faults.append(_Fault(f"an internal fault: {error!r}"))
        self._close_one(entry)

    async def _submit(self, entry: _Entry, observation: Observation) -> None:
        translation = observation.translation
        entry.faults += [_Fault(reason) for reason in translation.faults]
        self._tell_if_unmapped(entry, observation)
        key = _key_of(observation)
        if key is not None:
            if key in self._open_keys or self._ledger.knows(key):
                self._outlets.health.count("repeated")
                return
            self._open_keys.add(key)
            entry.keys += (key,)
        self._outlets.health.count("measures")
        for entity, has_static in self._outlets.static.joined(observation):
            try:
                written, faults = await self._outlets.fitting(entity)
                future = await self._outlets.submit(observation, written)
            except SkipRecord as error:
                entry.faults.append(self._refused(error, observation, entity))
                self._outlets.static.forget(observation, entity["id"])
                continue
            entry.faults += [_Fault(reason) for reason in faults]
            entry.open += 1
            future.add_done_callback(
                partial(self._answered, entry, observation, entity, has_static)
            )

    def _tell_if_unmapped(self, entry: _Entry, observation: Observation) -> None:
        if observation.translation.unused:
            self._outlets.health.count("unmapped")
        topic = entry.delivery.topic
        if reason := self._outlets.unmapped.seen(topic, observation):
            entry.faults.append(_Fault(reason))

    def _refused(self, error: SkipRecord, observation: Observation, entity: Entity) -> _Fault:
        return _Fault(error.detail, entity, self._outlets.tenant_of(observation.profile.service))

    def _answered(
        self,
        entry: _Entry,
        observation: Observation,
        entity: Entity,
        has_static: bool,  # noqa: FBT001 - bound by position
        future: asyncio.Future[Written],
    ) -> None:
        """Note what the broker did with one entity."""
        error = future.exception()
        if isinstance(error, SkipRecord):
            entry.faults.append(self._refused(error, observation, entity))
        elif error is not None:
            self._abandon(entry, error)
        if error is not None or (future.result() is Written.CREATED and not has_static):
            self._outlets.static.forget(observation, entity["id"])
        self._close_one(entry)

    def _abandon(self, entry: _Entry, error: BaseException) -> None:
        """Leave a message unacknowledged: it was not written, and the server keeps it."""
        entry.is_abandoned = True
        if not self._failure.done():
            self._failure.set_exception(NotWritten(f"the writer gave up: {error}"))
            self._failure.exception()

    def _close_one(self, entry: _Entry) -> None:
        entry.open -= 1
        if entry.open == 0:
            self._settled.append(entry)
            self._progress.set()

    async def _settle_all(self) -> None:
        while True:
            await self._progress.wait()
            self._progress.clear()
            settled, self._settled = self._settled, []
            await self._enter(settled)
            self._acknowledge()
            if not self._under_way:
                self._idle.set()

    async def _enter(self, settled: list[_Entry]) -> None:
        """Bring dead letters and ledger to the disk, then let the messages be acknowledged."""
        for entry in settled:
            if entry.faults and not entry.is_abandoned:
                await self._dead_letter(entry)
        stored = [
            Stored(entry.keys, self._packet_id(entry), entry.digest)
            for entry in settled
            if not entry.is_abandoned
        ]
        if stored:
            await self._ledger.add(stored)
        for entry in settled:
            self._open_keys.difference_update(entry.keys)
            self._under_way -= 1
            self._bytes -= len(entry.delivery.payload)
            entry.is_stored = not entry.is_abandoned
        has_room = self._under_way <= self._window // 2 and self._bytes <= BYTES_UNDER_WAY // 2
        if self._is_paused and has_room:
            self._is_paused = False
            if self._connection is not None:
                self._connection.resume()

    def _packet_id(self, entry: _Entry) -> int | None:
        """Return the identifier under which the server would deliver a message again."""
        is_current = entry.session == self._session
        return entry.delivery.packet_id if entry.delivery.qos and is_current else None

    async def _dead_letter(self, entry: _Entry) -> None:
        """Keep a message with its faults, and each refused entity, which can be sent again."""
        delivery = entry.delivery
        record = {"topic": delivery.topic, "payload": _shown(delivery.payload)}
        unread = "; ".join(fault.reason for fault in entry.faults if fault.entity is None)
        letters = [_Fault(unread)] if unread else []
        for letter in [*letters, *(fault for fault in entry.faults if fault.entity is not None)]:
            await self._outlets.dead_letters.add(
                f"{delivery.topic}: {letter.reason}",
                record=record,
                entity=letter.entity,
                tenant=letter.tenant,
            )
            self._outlets.health.count("dead-letter")

    def _acknowledge(self) -> None:
        order = self._order
        packet_ids: list[int] = []
        while order and order[0].is_stored:
            entry = order.popleft()
            packet_id = entry.delivery.packet_id
            if self._by_packet.get(packet_id) is entry:
                del self._by_packet[packet_id]
            packet_ids.append(packet_id)
        if self._connection is not None:
            self._connection.acknowledge(packet_ids)

    def _warn_of_qos_0(self, delivery: Delivery) -> None:
        if not self._warned_of_qos_0:
            self._warned_of_qos_0 = True
            log.warning(
                "messages on %s come with QoS 0: the MQTT server drops such messages while this "
                "adapter is away; publish with QoS 1 what must not be lost",
                delivery.topic,
            )


def _key_of(observation: Observation) -> str | None:
    """The key a repeated measure is recognised by: another service may have it for its own."""
    key, profile = observation.translation.key, observation.profile
    return key and f"{profile.service}|{profile.subservice}|{key}"


def _shown(payload: bytes) -> Any:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": payload.hex()}
