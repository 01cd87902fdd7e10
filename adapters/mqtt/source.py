"""The MQTT adapter: one session with the MQTT server, and the HTTP faces of the registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson

from adapters.mqtt import families, measures_server, provisioning_server
from adapters.mqtt.attribute_mapping import Entity
from adapters.mqtt.configuration import check_document
from adapters.mqtt.connection import Connection, ConnectionLost, ServerOptions
from adapters.mqtt.ledger import Ledger
from adapters.mqtt.measure import Message
from adapters.mqtt.observations import MessageReader
from adapters.mqtt.outlets import Outlets
from adapters.mqtt.provisioning import Provisioning
from adapters.mqtt.provisioning_documents import device_from, group_from
from adapters.mqtt.provisioning_errors import ProvisioningError
from adapters.mqtt.receiver import Receiver
from adapters.mqtt.registry import Registry
from adapters.mqtt.registry_store import SqliteRegistryStore
from adapters.mqtt.settings import Settings
from adapters.mqtt.topics import Router
from adapters.mqtt.unmapped import nothing_stored
from adapters.runtime.backoff import Backoff
from adapters.runtime.context import AdapterContext
from adapters.runtime.dead_letters import DeadLetter
from adapters.runtime.errors import Misconfigured, SkipRecord
from adapters.runtime.faults import Faults
from adapters.runtime.health import State
from adapters.runtime.replay import Read
from adapters.runtime.store import Store
from broker.observability.tasks import spawn

log = logging.getLogger(__name__)

FILTERS = "filters"
DRAIN_SECONDS = 5.0
SAVE_SECONDS = 1.0
STEADY_SECONDS = 5.0
"""A connection that lasted this long counts as a success: the next attempt comes at once."""


async def run(context: AdapterContext[Settings]) -> None:
    """Run until cancelled."""
    settings = context.settings
    server = await asyncio.to_thread(settings.server)
    async with AsyncExitStack() as stack:
        store = SqliteRegistryStore(
            await stack.enter_async_context(Store(context.data)), context.name
        )
        registry = await asyncio.to_thread(_configured, settings)
        registry.fill(*await store.load())
        ledger = await stack.enter_async_context(
            Ledger(
                context.data / "ledger.sqlite3",
                server.session_name,
                keep_seconds=settings.remember,
            )
        )
        outlets = Outlets(
            writers=context.writers,
            validation=context.validation,
            dead_letters=context.dead_letters,
            ledger=ledger,
            health=context.health,
            clock=context.clock,
            tenants=settings.tenants,
        )
        reader = MessageReader(Router(settings.rules()), registry)
        receiver = Receiver(reader, outlets, window=settings.window)
        provisioning = Provisioning(registry, store)
        await _serve(stack, context, provisioning, reader, outlets)
        saver = spawn(_save_discovered(provisioning), name="mqtt-discovered")
        stack.callback(saver.cancel)
        await _receive(context, server, receiver, ledger)


def check(settings: Settings) -> None:
    """Check groups, devices and the files of secrets; raises `Misconfigured`."""
    faults = Faults()
    with faults.collected():
        settings.server()
    with faults.collected():
        _configured(settings)
    faults.raise_if_any()


async def reread(settings: Settings, name: str, data: Path) -> Read:
    """Return what reads dead letters again, with groups and devices as they are now.

    What it returns raises `SkipRecord` for a letter that is still of no use.
    """
    registry = await asyncio.to_thread(_configured, settings)
    async with Store(data) as store:
        registry.fill(*await SqliteRegistryStore(store, name).load())
    reader = MessageReader(Router(settings.rules()), registry)

    def read(letter: DeadLetter) -> list[tuple[Entity, str | None]]:
        found: list[tuple[Entity, str | None]] = []
        for observation in reader.read(_message_of(letter)):
            translation, service = observation.translation, observation.profile.service
            if translation.faults:
                raise SkipRecord("; ".join(translation.faults))
            if translation.unused:
                raise SkipRecord(nothing_stored(observation))
            tenant = settings.tenants.get(service, service) or None
            found += [(entity, tenant) for entity in translation.entities]
        return found

    return read


def _message_of(letter: DeadLetter) -> Message:
    record = letter.record if isinstance(letter.record, Mapping) else {}
    topic, payload = record.get("topic"), record.get("payload")
    if isinstance(payload, Mapping) and isinstance(payload.get("hex"), str):
        return Message(str(topic), bytes.fromhex(payload["hex"]), letter.at)
    if not isinstance(topic, str) or not isinstance(payload, str):
        raise SkipRecord("its message was too long to be kept whole")
    return Message(topic, payload.encode(), letter.at)


async def _save_discovered(provisioning: Provisioning) -> None:
    """Store new devices now and then; one that was missed is found again by its next measure."""
    while True:
        await asyncio.sleep(SAVE_SECONDS)
        await provisioning.save_discovered()


def _configured(settings: Settings) -> Registry:
    """Return a registry with the groups and devices of the settings file."""
    registry = Registry()
    faults = Faults()
    for at, document in enumerate(settings.groups):
        place = f"groups[{at}]"
        with faults.collected(), _misconfigured():
            service, subservice = _scope(document, settings, "subservice", place)
            registry.add_group(group_from(document, service, subservice, place), fixed=True)
    for at, document in enumerate(settings.devices):
        place = f"devices[{at}]"
        with faults.collected(), _misconfigured():
            service, subservice = _scope(document, settings, "service_path", place)
            registry.add_device(device_from(document, service, subservice, place), fixed=True)
    for group in families.groups(settings.families, settings.service, settings.timezone):
        with faults.collected(), _misconfigured():
            check_document(group.document, f"family {group.apikey}")
            if registry.group(*group.key) is None:
                registry.add_group(group, fixed=True)
    faults.raise_if_any()
    return registry


@contextmanager
def _misconfigured() -> Iterator[None]:
    """Make what the provisioning API would complain of a fault of the settings."""
    try:
        yield
    except ProvisioningError as error:
        raise Misconfigured(error.message) from error


def _scope(document: Any, settings: Settings, path_member: str, place: str) -> tuple[str, str]:
    if not isinstance(document, Mapping):
        raise Misconfigured(f"{place} is {document!r:.80}; it should be an object with its members")
    return str(document.get("service", settings.service)), str(document.get(path_member, "/"))


async def _serve(
    stack: AsyncExitStack,
    context: AdapterContext[Settings],
    provisioning: Provisioning,
    reader: MessageReader,
    outlets: Outlets,
) -> None:
    """Open the HTTP ports the settings ask for."""
    settings = context.settings
    if settings.provisioning is not None:
        routes = provisioning_server.routes(provisioning, context.health)
        address = settings.provisioning
        await stack.enter_async_context(
            context.server(routes, host=address.host, port=address.port)
        )
    if settings.measures is not None:
        routes = measures_server.routes(reader, outlets)
        address = settings.measures
        await stack.enter_async_context(
            context.server(routes, host=address.host, port=address.port)
        )


async def _receive(
    context: AdapterContext[Settings], server: ServerOptions, receiver: Receiver, ledger: Ledger
) -> None:
    """Receive until cancelled; then give what is under way some time."""
    work = spawn(receiver.run(), name="mqtt-receiver")
    session = spawn(_keep_connected(context, server, receiver, ledger), name="mqtt-session")
    try:
        await asyncio.wait((work, session), return_when=asyncio.FIRST_COMPLETED)
        for task in (work, session):
            if task.done():
                task.result()
    finally:
        await receiver.drain(0 if work.done() else DRAIN_SECONDS)
        session.cancel()
        work.cancel()
        await asyncio.gather(session, work, return_exceptions=True)


async def _keep_connected(
    context: AdapterContext[Settings], server: ServerOptions, receiver: Receiver, ledger: Ledger
) -> None:
    """Connect, and connect again whenever the connection ends, with pauses that grow."""
    backoff = Backoff(first=0.2, limit=30.0)
    while True:
        connection = Connection(server, receiver)
        try:
            is_resumed = await connection.open()
            await _subscribe(connection, context.settings, ledger, is_resumed=is_resumed)
            opened = asyncio.get_running_loop().time()
            context.health.become(State.RUNNING, f"connected to {server.host}:{server.port}")
            log.info("connected to %s:%d", server.host, server.port)
            reason = await connection.wait_closed()
            if asyncio.get_running_loop().time() - opened > STEADY_SECONDS:
                backoff.reset()
            log.warning("the connection to %s:%d ended: %s", server.host, server.port, reason)
        except ConnectionLost as error:
            reason = error.detail
            if not backoff.failures:
                log.warning("%s", reason)
        finally:
            await connection.close()
        context.health.count("reconnects")
        context.health.become(State.RUNNING, f"not connected: {reason}")
        await backoff.pause()


async def _subscribe(
    connection: Connection, settings: Settings, ledger: Ledger, *, is_resumed: bool
) -> None:
    """Bring the session's subscriptions to what the settings say.

    A session that was kept has its subscriptions. Subscribing again would make the server send
    its retained messages again, and old values would look new.
    """
    wanted = settings.filters()
    known = orjson.loads(ledger.value(FILTERS) or "[]") if is_resumed else []
    if known != wanted:
        await connection.unsubscribe([one for one in known if one not in wanted])
        await connection.subscribe([one for one in wanted if one not in known])
        await ledger.remember(FILTERS, orjson.dumps(wanted).decode())
