"""What the handlers of the API work with, typed."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The operations behind the API, and what else its handlers work with."""

    settings: ApiSettings
    contexts: ContextResolver
    context_operations: ContextOperations
    provision: EntityProvision
    consumption: EntityConsumption
    batch: BatchOperations
    purging: Purging
    discovery: Discovery
    repeats: Repeats
    entity_maps: EntityMaps
    mapped_queries: MappedQueries
    snapshots: SnapshotOperations
    source_identity: SourceIdentity
    registrations: RegistrationOperations
    subscriptions: SubscriptionOperations
    registration_subscriptions: SubscriptionOperations
