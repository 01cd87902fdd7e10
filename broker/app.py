"""The composition root: settings to stores to operations to the application.

The only module that names implementations of stores. Read it to see how everything is wired.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from time import monotonic

from aiohttp import web

from broker.api import keys
from broker.api.dispatch import Dispatcher, Handle
from broker.api.handlers import node
from broker.api.handlers.description import describe
from broker.api.routes import ROUTES, add_routes
from broker.api.snapshots import present_snapshot, read_snapshot_query
from broker.config import ConfigurationError, Settings
from broker.contexts.assembly import assemble_contexts
from broker.contexts.resolver import ContextResolver
from broker.engine import Engine
from broker.model.clock import system_clock
from broker.operations import subscriptions
from broker.operations.batch import BatchOperations
from broker.operations.consumption import EntityConsumption
from broker.operations.contexts import ContextOperations
from broker.operations.discovery import Discovery
from broker.operations.entity_maps import EntityMapLimits, EntityMaps
from broker.operations.expiry import ExpiryTimer
from broker.operations.mapped_queries import MappedQueries
from broker.operations.provision import EntityProvision
from broker.operations.purging import Purging
from broker.operations.registrations import RegistrationOperations
from broker.operations.repeats import Repeats
from broker.operations.snapshot_filling import SnapshotFilling
from broker.operations.snapshot_keeping import SnapshotKeeper
from broker.operations.snapshot_notices import SnapshotNotices
from broker.operations.snapshots import SnapshotLimits, SnapshotOperations
from broker.operations.source_identity import SourceIdentity
from broker.operations.subscriptions import SubscriptionOperations
from broker.operations.tenancy import Tenancy
from broker.outbound.client import OutboundClient, OutboundSettings
from broker.owner import is_gone, this_process
from broker.storage.mongo.catalogue import MongoCatalogue
from broker.storage.mongo.change_stream import MongoChangeLog, MongoChangeSource
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.contexts import MongoContextStore
from broker.storage.mongo.deliveries import MongoOutbox
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.entity_maps import MongoEntityMapStore
from broker.storage.mongo.index_advisor import IndexAdvisor, IndexLimits
from broker.storage.mongo.leases import MongoLease, MongoPositionStore
from broker.storage.mongo.registration_signals import MongoRegistrationSignals
from broker.storage.mongo.registrations import MongoRegistrationStore
from broker.storage.mongo.repeats import MongoRepeatStore
from broker.storage.mongo.snapshot_contents import MongoSnapshotContents
from broker.storage.mongo.snapshots import MongoSnapshotStore
from broker.storage.mongo.subscriptions import (
    TO_ENTITIES,
    TO_REGISTRATIONS,
    MongoDeliveryRecordStore,
    MongoSubscriptionStore,
)
from broker.storage.mongo.tenants import Tenants
from broker.storage.mongo.told import MongoToldStore
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.deliveries import DeliveryLimits
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.engine import EngineLimits, SubscriptionEngine
from broker.subscriptions.registrations.lane import LaneTools
from broker.subscriptions.registrations.notifier import RegistrationNotifier
from broker.subscriptions.senders.http import HttpSender
from broker.subscriptions.senders.mqtt import MqttSender
from broker.subscriptions.senders.sender import Sender
from broker.subscriptions.stores import EngineStores

_DAYS_BURIED = 7
_UNHURRIED = 10.0


def build_api(settings: Settings) -> web.Application:
    """Return the application one API worker serves.

    Reads files (preloaded @contexts); connects to nothing before it starts. Raises
    ConfigurationError without a MongoDB URI.
    """
    databases = open_databases(settings)
    tenants = Tenants(databases)
    entities = MongoEntityStore(
        databases=databases,
        tenants=tenants,
        clock=system_clock,
        limits=GroupLimits(
            queued_writes=settings.limits.commit_queue,
            attributes_an_entity=settings.limits.attributes_per_entity,
        ),
        advisor=IndexAdvisor(databases, clock=system_clock, limits=_index_limits(settings)),
        query_time=settings.limits.query_time,
    )
    tenancy = Tenancy(tenants=tenants)
    outbound = OutboundClient(OutboundSettings.of(settings.outbound))
    context_store = MongoContextStore(databases, clock=system_clock)
    contexts = assemble_contexts(context_store, outbound, settings.contexts, clock=system_clock)

    application = web.Application(client_max_size=settings.limits.body_bytes)
    application[keys.SETTINGS] = _api_settings(settings)
    application[keys.CONTEXTS] = contexts
    application[keys.CONTEXT_OPERATIONS] = ContextOperations(
        store=context_store, resolver=contexts, clock=system_clock
    )
    application[keys.TENANCY] = tenancy
    application[keys.PROVISION] = EntityProvision(entities=entities, tenancy=tenancy)
    application[keys.CONSUMPTION] = EntityConsumption(
        entities=entities, tenancy=tenancy, clock=system_clock
    )
    for key, operations in _subscriptions(databases, tenants, contexts, tenancy).items():
        application[key] = operations
    application[keys.REGISTRATIONS] = RegistrationOperations(
        registrations=_registrations(databases, tenants),
        entities=entities,
        tenancy=tenancy,
        clock=system_clock,
    )
    application[keys.DISCOVERY] = Discovery(catalogue=MongoCatalogue(databases), tenancy=tenancy)
    _add_maps_and_snapshots(application, settings, databases, tenants, entities)
    application[keys.SOURCE_IDENTITY] = SourceIdentity(
        alias=settings.server.alias, tenancy=tenancy, clock=system_clock
    )
    application[keys.REPEATS] = Repeats(
        store=MongoRepeatStore(databases=databases, tenants=tenants, clock=system_clock),
        tenants=tenants,
    )
    application[keys.BATCH] = BatchOperations(entities=entities, tenancy=tenancy)
    application[node.PROBES] = {"mongodb": databases.problem}
    application.cleanup_ctx.append(_while_serving(databases, outbound, contexts))
    _dispatcher().install(application)
    return application


def _add_maps_and_snapshots(
    application: web.Application,
    settings: Settings,
    databases: Databases,
    tenants: Tenants,
    entities: MongoEntityStore,
) -> None:
    """Add what works through entity maps (purging is among it) and on snapshots."""
    tenancy = application[keys.TENANCY]
    store = MongoEntityMapStore(databases=databases, tenants=tenants)
    maps = EntityMaps(
        maps=store,
        entities=entities,
        tenancy=tenancy,
        clock=system_clock,
        limits=_map_limits(settings),
    )
    mapped = MappedQueries(maps=maps, store=store, entities=entities, clock=system_clock)
    application[keys.ENTITY_MAPS] = maps
    application[keys.MAPPED_QUERIES] = mapped
    application[keys.PURGING] = Purging(
        entities=entities, maps=mapped, tenancy=tenancy, clock=system_clock
    )
    application[keys.SNAPSHOTS] = SnapshotOperations(
        snapshots=MongoSnapshotStore(databases=databases, tenants=tenants),
        tenancy=tenancy,
        clock=system_clock,
        limits=_snapshot_limits(settings),
    )


def build_engine(settings: Settings) -> Engine:
    """Return what the engine process runs; connects to nothing before it starts.

    Raises ConfigurationError without a MongoDB URI.
    """
    databases = open_databases(settings)
    outbound = OutboundClient(OutboundSettings.of(settings.outbound))
    contexts = assemble_contexts(
        MongoContextStore(databases, clock=system_clock),
        outbound,
        settings.contexts,
        clock=system_clock,
        counts_hits=False,
    )
    http = HttpSender(outbound, timeout=settings.notifications.timeout)
    addresses = OutboundSettings.of(settings.outbound).addresses
    mqtt = MqttSender(addresses=addresses, timeout=settings.notifications.timeout)
    entities = MongoEntityStore(
        databases=databases,
        tenants=Tenants(databases),
        clock=system_clock,
        limits=GroupLimits(),
    )
    senders: dict[str, Sender] = {"http": http, "https": http, "mqtt": mqtt, "mqtts": mqtt}
    notifier = SubscriptionEngine(
        stores=_engine_stores(databases, entities, settings),
        contexts=contexts,
        senders=senders,
        clock=system_clock,
        limits=_engine_limits(settings),
        companions=[_registration_notifier(databases, contexts, senders, settings).run],
    )
    expiry = ExpiryTimer(
        entities=entities,
        registrations=_registrations(databases, Tenants(databases)),
        clock=system_clock,
    )
    keeper = build_snapshot_keeper(settings, databases, contexts, senders)
    return Engine(
        parts=(notifier, expiry, keeper), resources=(databases.client, outbound, contexts, mqtt)
    )


def _subscriptions(
    databases: Databases, tenants: Tenants, contexts: ContextResolver, tenancy: Tenancy
) -> dict[web.AppKey[SubscriptionOperations], SubscriptionOperations]:
    """Return the operations on subscriptions of both kinds."""
    return {
        key: SubscriptionOperations(
            subscriptions=MongoSubscriptionStore(
                databases=databases, tenants=tenants, collections=collections
            ),
            records=MongoDeliveryRecordStore(databases, collections),
            contexts=contexts,
            tenancy=tenancy,
            clock=system_clock,
            kind=kind,
        )
        for key, collections, kind in (
            (keys.SUBSCRIPTIONS, TO_ENTITIES, subscriptions.TO_ENTITIES),
            (keys.REGISTRATION_SUBSCRIPTIONS, TO_REGISTRATIONS, subscriptions.TO_REGISTRATIONS),
        )
    }


def _registrations(databases: Databases, tenants: Tenants) -> MongoRegistrationStore:
    return MongoRegistrationStore(databases=databases, tenants=tenants, clock=system_clock)


def build_snapshot_keeper(
    settings: Settings,
    databases: Databases,
    contexts: ContextResolver,
    senders: Mapping[str, Sender],
) -> SnapshotKeeper:
    """Return what looks after snapshots in the background."""
    tenants = Tenants(databases)
    work = MongoSnapshotStore(
        databases=databases, tenants=tenants, owner=this_process(), is_gone=is_gone
    )
    contents = MongoSnapshotContents(
        databases=databases, tenants=tenants, query_time=settings.limits.query_time
    )
    return SnapshotKeeper(
        work=work,
        contents=contents,
        filling=SnapshotFilling(
            contents=contents,
            contexts=contexts,
            read_query=read_snapshot_query,
            clock=system_clock,
            most_entities=settings.snapshots.entities,
        ),
        notices=SnapshotNotices(
            work=work, senders=senders, present=present_snapshot, clock=system_clock
        ),
        clock=system_clock,
        at_once=settings.snapshots.at_once,
    )


def _registration_notifier(
    databases: Databases,
    contexts: ContextResolver,
    senders: dict[str, Sender],
    settings: Settings,
) -> RegistrationNotifier:
    tenants, notifications = Tenants(databases), settings.notifications
    return RegistrationNotifier(
        subscriptions=MongoSubscriptionStore(
            databases=databases, tenants=tenants, collections=TO_REGISTRATIONS
        ),
        signals=MongoRegistrationSignals(databases),
        tools=LaneTools(
            log=_registrations(databases, tenants),
            told=MongoToldStore(databases),
            counters=DeliveryCounters(MongoDeliveryRecordStore(databases, TO_REGISTRATIONS)),
            senders=senders,
            contexts=contexts,
            retry=RetryPolicy(
                first=max(notifications.retry_first, _UNHURRIED),
                longest=max(notifications.retry_longest, _UNHURRIED),
            ),
            clock=system_clock,
            monotonic=monotonic,
        ),
    )


def _engine_stores(
    databases: Databases, entities: MongoEntityStore, settings: Settings
) -> EngineStores:
    return EngineStores(
        lease=MongoLease(
            databases,
            name="engine",
            owner=this_process(),
            seconds=settings.engine.lease,
            is_gone=is_gone,
        ),
        source=MongoChangeSource(databases),
        log=MongoChangeLog(databases),
        positions=MongoPositionStore(databases),
        subscriptions=MongoSubscriptionStore(databases=databases, tenants=Tenants(databases)),
        records=MongoDeliveryRecordStore(databases),
        entities=entities,
        outbox=MongoOutbox(databases=databases, clock=system_clock, days_buried=_DAYS_BURIED),
    )


def _engine_limits(settings: Settings) -> EngineLimits:
    notifications = settings.notifications
    return EngineLimits(
        lease=settings.engine.lease,
        retention=notifications.retention * 3600,
        deliveries=DeliveryLimits(
            entities_a_notification=notifications.entities,
            items_a_lane=notifications.queue,
            retry=RetryPolicy(
                first=notifications.retry_first,
                longest=notifications.retry_longest,
                requests_at_once=notifications.concurrency,
            ),
        ),
    )


def open_databases(settings: Settings) -> Databases:
    """Return the databases of an installation, not yet connected."""
    if settings.mongodb.uri is None:
        raise ConfigurationError(
            ["no MongoDB URI; set MUTSURA_MONGODB_URI, or use 'mutsura serve', which brings one"]
        )
    client = connect(
        settings.mongodb.uri,
        pool_size=settings.mongodb.pool_size,
        timeout_ms=int(settings.mongodb.timeout * 1000),
    )
    return Databases(client, prefix=settings.mongodb.database_prefix)


def _index_limits(settings: Settings) -> IndexLimits:
    indexes = settings.indexes
    return IndexLimits(indexes.learned, indexes.uses, indexes.idle_days)


def _map_limits(settings: Settings) -> EntityMapLimits:
    maps = settings.entity_maps
    return EntityMapLimits(maps.count, maps.entities, maps.lifetime, maps.lifetime_max)


def _snapshot_limits(settings: Settings) -> SnapshotLimits:
    limits = settings.snapshots
    return SnapshotLimits(limits.count, limits.lifetime, limits.lifetime_max)


def _api_settings(settings: Settings) -> keys.ApiSettings:
    limits = settings.limits
    return keys.ApiSettings(
        largest_body=limits.body_bytes,
        deepest_body=limits.json_depth,
        largest_batch=limits.batch_size,
        page_size=limits.page_size,
        largest_page=limits.page_size_max,
        public_url=settings.server.public_url,
    )


def _while_serving(
    databases: Databases, outbound: OutboundClient, contexts: ContextResolver
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def serving(_: web.Application) -> AsyncIterator[None]:
        async with outbound, contexts:
            yield
        await databases.client.close()

    return serving


def _dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    for path, answer in (
        ("/health", node.health),
        ("/ready", node.ready),
        ("/metrics", node.metrics),
        ("/version", node.version),
        ("/openapi.json", describe(ROUTES)),
    ):
        dispatcher.add("GET", path, _without_parts(answer))
    add_routes(dispatcher)
    return dispatcher


def _without_parts(answer: Callable[[web.Request], Awaitable[web.Response]]) -> Handle:
    return lambda request, _parts: answer(request)
