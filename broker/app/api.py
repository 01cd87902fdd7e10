"""An API worker: settings to stores to operations to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from broker.api import keys
from broker.api.dispatch import Dispatcher, Handle
from broker.api.handlers import node
from broker.api.handlers.description import describe
from broker.api.routes import ROUTES, add_routes
from broker.app.databases import open_databases, registration_store
from broker.config import Settings
from broker.contexts.assembly import assemble_contexts
from broker.contexts.resolver import ContextResolver
from broker.model.clock import system_clock
from broker.operations import subscriptions
from broker.operations.batch import BatchOperations
from broker.operations.consumption import EntityConsumption
from broker.operations.contexts import ContextOperations
from broker.operations.discovery import Discovery
from broker.operations.entity_maps import EntityMapLimits, EntityMaps
from broker.operations.mapped_queries import MappedQueries
from broker.operations.provision import EntityProvision
from broker.operations.purging import Purging
from broker.operations.registrations import RegistrationOperations
from broker.operations.repeats import Repeats
from broker.operations.snapshots import SnapshotLimits, SnapshotOperations
from broker.operations.source_identity import SourceIdentity
from broker.operations.subscriptions import SubscriptionOperations
from broker.operations.tenancy import Tenancy
from broker.outbound.client import OutboundClient, OutboundSettings
from broker.storage.mongo.catalogue import MongoCatalogue
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases
from broker.storage.mongo.contexts import MongoContextStore
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.entity_maps import MongoEntityMapStore
from broker.storage.mongo.index_advisor import IndexAdvisor, IndexLimits
from broker.storage.mongo.repeats import MongoRepeatStore
from broker.storage.mongo.snapshots import MongoSnapshotStore
from broker.storage.mongo.subscriptions import (
    TO_ENTITIES,
    TO_REGISTRATIONS,
    MongoDeliveryRecordStore,
    MongoSubscriptionStore,
)
from broker.storage.mongo.tenants import Tenants


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
        registrations=registration_store(databases, tenants),
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
