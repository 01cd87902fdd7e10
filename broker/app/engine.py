"""The engine: what reads the change feed, notifies, expires and fills snapshots."""

from __future__ import annotations

from time import monotonic

from broker.api.snapshot_documents import present_snapshot
from broker.api.snapshot_reading import read_snapshot_query
from broker.app.databases import open_databases, registration_store
from broker.config import Settings
from broker.contexts.assembly import assemble_contexts
from broker.contexts.resolver import ContextResolver
from broker.engine import Engine
from broker.model.clock import system_clock
from broker.operations.expiry import ExpiryTimer
from broker.operations.snapshot_filling import SnapshotFilling
from broker.operations.snapshot_keeping import SnapshotKeeper
from broker.operations.snapshot_notices import SnapshotNotices
from broker.outbound.client import OutboundClient, OutboundOptions
from broker.owner import is_gone, this_process
from broker.storage.mongo.change_stream import MongoChangeLog, MongoChangeSource
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases
from broker.storage.mongo.contexts import MongoContextStore
from broker.storage.mongo.deliveries import MongoOutbox
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.leases import MongoLease, MongoPositionStore
from broker.storage.mongo.registration_signals import MongoRegistrationSignals
from broker.storage.mongo.snapshot_contents import MongoSnapshotContents
from broker.storage.mongo.snapshots import MongoSnapshotStore
from broker.storage.mongo.subscriptions import (
    TO_REGISTRATIONS,
    MongoDeliveryRecordStore,
    MongoSubscriptionStore,
)
from broker.storage.mongo.tenants import Tenants
from broker.storage.mongo.told import MongoToldStore
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.delivery_tools import DeliveryLimits
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.engine import EngineLimits, SubscriptionEngine
from broker.subscriptions.registrations.lane import LaneTools
from broker.subscriptions.registrations.notifier import RegistrationNotifier
from broker.subscriptions.senders.http import HttpSender
from broker.subscriptions.senders.mqtt import MqttSender
from broker.subscriptions.senders.sender import Sender, SenderByScheme
from broker.subscriptions.stores import EngineStores

_DAYS_BURIED = 7
_UNHURRIED = 10.0


def build_engine(settings: Settings) -> Engine:
    """Return what the engine process runs; connects to nothing before it starts.

    Raises ConfigurationError without a MongoDB URI.
    """
    databases = open_databases(settings)
    outbound = OutboundClient(OutboundOptions.of(settings.outbound))
    contexts = assemble_contexts(
        MongoContextStore(databases, clock=system_clock),
        outbound,
        settings.contexts,
        clock=system_clock,
        counts_hits=False,
    )
    http = HttpSender(outbound, timeout=settings.notifications.timeout)
    mqtt = MqttSender(
        addresses=OutboundOptions.of(settings.outbound).addresses,
        timeout=settings.notifications.timeout,
        ca_file=settings.outbound.ca_file,
    )
    entities = MongoEntityStore(
        databases=databases,
        tenants=Tenants(databases),
        clock=system_clock,
        limits=GroupLimits(),
    )
    sender = SenderByScheme({"http": http, "https": http, "mqtt": mqtt, "mqtts": mqtt})
    notifier = SubscriptionEngine(
        stores=_engine_stores(databases, entities, settings),
        contexts=contexts,
        sender=sender,
        clock=system_clock,
        limits=_engine_limits(settings),
        companions=[_registration_notifier(databases, contexts, sender, settings).run],
    )
    expiry = ExpiryTimer(
        entities=entities,
        registrations=registration_store(databases, Tenants(databases)),
        clock=system_clock,
    )
    keeper = build_snapshot_keeper(settings, databases, contexts, sender)
    return Engine(
        parts=(notifier, expiry, keeper), resources=(databases.client, outbound, contexts, mqtt)
    )


def build_snapshot_keeper(
    settings: Settings,
    databases: Databases,
    contexts: ContextResolver,
    sender: Sender,
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
            work=work, sender=sender, present=present_snapshot, clock=system_clock
        ),
        clock=system_clock,
        at_once=settings.snapshots.at_once,
    )


def _registration_notifier(
    databases: Databases,
    contexts: ContextResolver,
    sender: Sender,
    settings: Settings,
) -> RegistrationNotifier:
    tenants, notifications = Tenants(databases), settings.notifications
    return RegistrationNotifier(
        subscriptions=MongoSubscriptionStore(
            databases=databases, tenants=tenants, collections=TO_REGISTRATIONS
        ),
        signals=MongoRegistrationSignals(databases),
        tools=LaneTools(
            log=registration_store(databases, tenants),
            told=MongoToldStore(databases),
            counters=DeliveryCounters(MongoDeliveryRecordStore(databases, TO_REGISTRATIONS)),
            sender=sender,
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
    tenants = Tenants(databases)
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
        subscriptions=MongoSubscriptionStore(databases=databases, tenants=tenants),
        records=MongoDeliveryRecordStore(databases),
        entities=entities,
        outbox=MongoOutbox(
            databases=databases, tenants=tenants, clock=system_clock, days_buried=_DAYS_BURIED
        ),
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
