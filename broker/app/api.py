"""An API worker: settings to stores to operations to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial

from aiohttp import web

from broker.api.application import ApiSettings, Application
from broker.api.cross_origin import CrossOrigin
from broker.api.dispatch import Dispatcher, Handle
from broker.api.handlers import node
from broker.api.handlers.description import describe
from broker.api.routes import ROUTES, add_routes
from broker.api.serving import HttpApi
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
from broker.operations.subscriptions import SubscriptionKind, SubscriptionOperations
from broker.operations.tenancy import Tenancy
from broker.outbound.client import OutboundClient, OutboundOptions
from broker.storage.mongo.catalogue import MongoCatalogue
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases
from broker.storage.mongo.contexts import MongoContextStore
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.entity_maps import MongoEntityMapStore
from broker.storage.mongo.index_advisor import IndexAdvisor, IndexLimits
from broker.storage.mongo.neighbours import Neighbours
from broker.storage.mongo.repeats import MongoRepeatStore
from broker.storage.mongo.snapshots import MongoSnapshotStore
from broker.storage.mongo.subscriptions import (
    TO_ENTITIES,
    TO_REGISTRATIONS,
    MongoDeliveryRecordStore,
    MongoSubscriptionStore,
    SubscriptionCollections,
)
from broker.storage.mongo.tenants import Tenants


def build_api(settings: Settings, neighbours: Neighbours | None = None) -> HttpApi:
    """Return the API one worker serves; `neighbours` are the other workers of its node.

    Reads files (preloaded @contexts); connects to nothing before it starts. Raises
    ConfigurationError without a MongoDB URI.
    """
    databases = open_databases(settings)
    tenants = Tenants(databases)
    entities = _entity_store(settings, databases, tenants)
    outbound = OutboundClient(OutboundOptions.of(settings.outbound))
    context_store = MongoContextStore(databases, clock=system_clock)
    contexts = assemble_contexts(context_store, outbound, settings.contexts, clock=system_clock)
    context_operations = ContextOperations(
        store=context_store, resolver=contexts, clock=system_clock
    )
    application = _application(settings, databases, tenants, entities, contexts, context_operations)
    dispatcher = _dispatcher(application, {"mongodb": databases.problem})
    origins = settings.server.cors_origins
    return HttpApi(
        answer=CrossOrigin(dispatcher.answer, origins).answer if origins else dispatcher.answer,
        opened=partial(
            _opened,
            databases,
            outbound,
            contexts,
            partial(entities.sharing_with, neighbours or Neighbours()),
        ),
    )


def _application(
    settings: Settings,
    databases: Databases,
    tenants: Tenants,
    entities: MongoEntityStore,
    contexts: ContextResolver,
    context_operations: ContextOperations,
) -> Application:
    tenancy = Tenancy(tenants=tenants)
    map_store = MongoEntityMapStore(databases=databases, tenants=tenants)
    maps = EntityMaps(
        maps=map_store,
        entities=entities,
        tenancy=tenancy,
        clock=system_clock,
        limits=_map_limits(settings),
    )
    mapped = MappedQueries(maps=maps, store=map_store, entities=entities, clock=system_clock)
    subscriptions_of = partial(_subscriptions, databases, tenants, contexts, tenancy)
    return Application(
        settings=_api_settings(settings),
        contexts=contexts,
        context_operations=context_operations,
        provision=EntityProvision(entities=entities, tenancy=tenancy),
        consumption=EntityConsumption(entities=entities, tenancy=tenancy, clock=system_clock),
        batch=BatchOperations(entities=entities, tenancy=tenancy),
        purging=Purging(entities=entities, maps=mapped, tenancy=tenancy, clock=system_clock),
        discovery=Discovery(catalogue=MongoCatalogue(databases), tenancy=tenancy),
        repeats=Repeats(
            store=MongoRepeatStore(databases=databases, tenants=tenants, clock=system_clock),
            tenants=tenants,
        ),
        entity_maps=maps,
        mapped_queries=mapped,
        snapshots=SnapshotOperations(
            snapshots=MongoSnapshotStore(databases=databases, tenants=tenants),
            tenancy=tenancy,
            clock=system_clock,
            limits=_snapshot_limits(settings),
        ),
        source_identity=SourceIdentity(
            alias=settings.server.alias, tenancy=tenancy, clock=system_clock
        ),
        registrations=RegistrationOperations(
            registrations=registration_store(databases, tenants),
            entities=entities,
            tenancy=tenancy,
            clock=system_clock,
        ),
        subscriptions=subscriptions_of(TO_ENTITIES, subscriptions.TO_ENTITIES),
        registration_subscriptions=subscriptions_of(
            TO_REGISTRATIONS, subscriptions.TO_REGISTRATIONS
        ),
    )


def _entity_store(settings: Settings, databases: Databases, tenants: Tenants) -> MongoEntityStore:
    return MongoEntityStore(
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


def _subscriptions(
    databases: Databases,
    tenants: Tenants,
    contexts: ContextResolver,
    tenancy: Tenancy,
    collections: SubscriptionCollections,
    kind: SubscriptionKind,
) -> SubscriptionOperations:
    """Return the operations on subscriptions of one kind."""
    return SubscriptionOperations(
        subscriptions=MongoSubscriptionStore(
            databases=databases, tenants=tenants, collections=collections
        ),
        records=MongoDeliveryRecordStore(databases, collections),
        contexts=contexts,
        tenancy=tenancy,
        clock=system_clock,
        kind=kind,
    )


def _index_limits(settings: Settings) -> IndexLimits:
    indexes = settings.indexes
    return IndexLimits(indexes.learned, indexes.uses, indexes.idle_days)


def _map_limits(settings: Settings) -> EntityMapLimits:
    maps = settings.entity_maps
    return EntityMapLimits(maps.count, maps.entities, maps.lifetime, maps.lifetime_max)


def _snapshot_limits(settings: Settings) -> SnapshotLimits:
    limits = settings.snapshots
    return SnapshotLimits(limits.count, limits.lifetime, limits.lifetime_max)


def _api_settings(settings: Settings) -> ApiSettings:
    limits = settings.limits
    return ApiSettings(
        largest_body=limits.body_bytes,
        deepest_body=limits.json_depth,
        largest_batch=limits.batch_size,
        page_size=limits.page_size,
        largest_page=limits.page_size_max,
        public_url=settings.server.public_url,
    )


@asynccontextmanager
async def _opened(
    databases: Databases,
    outbound: OutboundClient,
    contexts: ContextResolver,
    sharing: Callable[[], AbstractContextManager[None]],
) -> AsyncIterator[None]:
    try:
        async with outbound, contexts:
            with sharing():
                yield
    finally:
        await databases.client.close()


def _dispatcher(application: Application, probes: Mapping[str, node.Probe]) -> Dispatcher:
    dispatcher = Dispatcher()
    for path, answer in (
        ("/health", node.health),
        ("/ready", node.readiness(probes)),
        ("/metrics", node.metrics),
        ("/version", node.version),
        ("/openapi.json", describe(ROUTES)),
    ):
        dispatcher.add("GET", path, _without_parts(answer))
    add_routes(dispatcher, application)
    return dispatcher


def _without_parts(answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> Handle:
    return lambda request, _parts: answer(request)
