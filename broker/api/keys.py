"""What handlers find in the application, typed."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from broker.contexts.resolver import ContextResolver
from broker.operations.batch import BatchOperations
from broker.operations.consumption import EntityConsumption
from broker.operations.contexts import ContextOperations
from broker.operations.discovery import Discovery
from broker.operations.entity_maps import EntityMaps
from broker.operations.mapped_queries import MappedQueries
from broker.operations.provision import EntityProvision
from broker.operations.purging import Purging
from broker.operations.registrations import RegistrationOperations
from broker.operations.repeats import Repeats
from broker.operations.snapshots import SnapshotOperations
from broker.operations.source_identity import SourceIdentity
from broker.operations.subscriptions import SubscriptionOperations
from broker.operations.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Limits of the HTTP binding: bytes and levels of a body, elements of a batch and a page.

    `public_url` is where others reach the broker, None: where the request says.
    """

    largest_body: int = 16 * 1024 * 1024
    deepest_body: int = 64
    largest_batch: int = 2_000
    page_size: int = 20
    largest_page: int = 1_000
    public_url: str | None = None


SETTINGS = web.AppKey("settings", ApiSettings)
CONTEXTS = web.AppKey("contexts", ContextResolver)
TENANCY = web.AppKey("tenancy", Tenancy)
PROVISION = web.AppKey("provision", EntityProvision)
CONSUMPTION = web.AppKey("consumption", EntityConsumption)
DISCOVERY = web.AppKey("discovery", Discovery)
PURGING = web.AppKey("purging", Purging)
SOURCE_IDENTITY = web.AppKey("source_identity", SourceIdentity)
ENTITY_MAPS = web.AppKey("entity_maps", EntityMaps)
MAPPED_QUERIES = web.AppKey("mapped_queries", MappedQueries)
SNAPSHOTS = web.AppKey("snapshots", SnapshotOperations)
BATCH = web.AppKey("batch", BatchOperations)
REPEATS = web.AppKey("repeats", Repeats)
REGISTRATIONS = web.AppKey("registrations", RegistrationOperations)
SUBSCRIPTIONS = web.AppKey("subscriptions", SubscriptionOperations)
REGISTRATION_SUBSCRIPTIONS = web.AppKey("registration_subscriptions", SubscriptionOperations)
CONTEXT_OPERATIONS = web.AppKey("context_operations", ContextOperations)
