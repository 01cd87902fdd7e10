"""The API as one table: method, path, handler, parameters, clause (Table 6.2-1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from broker.api import repeats
from broker.api.application import Application
from broker.api.dispatch import Dispatcher, Handle, PathParts
from broker.api.handlers import (
    attributes,
    batch,
    contexts,
    discovery,
    entities,
    entity_maps,
    info,
    registration_subscriptions,
    registrations,
    snapshots,
    subscriptions,
)
from broker.api.incoming import SNAPSHOT_HEADER, Incoming
from broker.api.media_types import DOCUMENT_TYPES, GEO_JSON
from broker.api.parameters import (
    ENTITY_REPRESENTATION,
    LINKED_ENTITIES,
    PURGE,
    QUERY,
    REGISTRATIONS,
    SELECTION,
)
from broker.api.preferences import confirm_version
from broker.api.responses import API_ROOT
from broker.model.errors import OperationNotSupported

NgsiLdHandler = Callable[[Incoming], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API. `parameters` are the URI parameters it knows.

    `repeatable` says whether it takes an Idempotency-Key, and whether it may create the tenant.
    """

    method: str
    path: str
    handler: NgsiLdHandler
    clause: str
    parameters: frozenset[str] = frozenset()
    repeatable: Literal["", "in tenant", "creates tenant"] = ""

    @property
    def in_snapshots(self) -> bool:
        """Whether the operation can be about a snapshot: those of the Core API can (5.5.15)."""
        return self.path.split("/")[1] not in _NOT_IN_SNAPSHOTS


_NOT_IN_SNAPSHOTS = frozenset(
    {"info", "jsonldContexts", "csourceRegistrations", "csourceSubscriptions", "snapshots"}
)
_ANSWERED_WITH_ENTITIES = frozenset({"5.7.1", "5.7.2", "5.14.4"})
"""All else cannot be asked for as GeoJSON (6.3.4); an entity map is of a query that can."""
_TYPED = frozenset({"type", "local"})
_DETAILS = frozenset({"details", "local"})

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/entities",
        entities.create_entity,
        "5.6.1",
        frozenset({"local"}),
        repeatable="creates tenant",
    ),
    Route("GET", "/entities", entities.query_entities, "5.7.2", QUERY),
    Route("DELETE", "/entities", entities.purge_entities, "5.6.21", PURGE),
    Route(
        "GET",
        "/entities/{entityId}",
        entities.retrieve_entity,
        "5.7.1",
        _TYPED
        | ENTITY_REPRESENTATION
        | LINKED_ENTITIES
        | {"attrs", "datasetId", "entityMap", "entityMapLifetime"},
    ),
    Route("DELETE", "/entities/{entityId}", entities.delete_entity, "5.6.6", _TYPED),
    Route(
        "PATCH",
        "/entities/{entityId}",
        entities.merge_entity,
        "5.6.17",
        _TYPED | {"options", "format", "observedAt", "lang"},
    ),
    Route("PUT", "/entities/{entityId}", entities.replace_entity, "5.6.18", _TYPED),
    Route(
        "POST",
        "/entities/{entityId}/attrs",
        attributes.append_attributes,
        "5.6.3",
        _TYPED | {"options"},
        repeatable="in tenant",
    ),
    Route("PATCH", "/entities/{entityId}/attrs", attributes.update_attributes, "5.6.2", _TYPED),
    Route(
        "PATCH",
        "/entities/{entityId}/attrs/{attrId}",
        attributes.partial_attribute_update,
        "5.6.4",
        _TYPED,
    ),
    Route(
        "DELETE",
        "/entities/{entityId}/attrs/{attrId}",
        attributes.delete_attribute,
        "5.6.5",
        _TYPED | {"datasetId", "deleteAll"},
    ),
    Route(
        "PUT", "/entities/{entityId}/attrs/{attrId}", attributes.replace_attribute, "5.6.19", _TYPED
    ),
    Route(
        "POST",
        "/entityOperations/create",
        batch.create_entities,
        "5.6.7",
        frozenset({"local"}),
        repeatable="creates tenant",
    ),
    Route(
        "POST",
        "/entityOperations/upsert",
        batch.upsert_entities,
        "5.6.8",
        frozenset({"local", "options"}),
        repeatable="creates tenant",
    ),
    Route(
        "POST",
        "/entityOperations/update",
        batch.update_entities,
        "5.6.9",
        frozenset({"local", "options"}),
        repeatable="in tenant",
    ),
    Route(
        "POST",
        "/entityOperations/merge",
        batch.merge_entities,
        "5.6.20",
        frozenset({"local", "options", "observedAt", "lang"}),
        repeatable="in tenant",
    ),
    Route(
        "POST",
        "/entityOperations/delete",
        batch.delete_entities,
        "5.6.10",
        frozenset({"local", "dryRun"}),
        repeatable="in tenant",
    ),
    Route("POST", "/entityOperations/query", entities.query_entities_by_post, "5.7.2", SELECTION),
    Route("GET", "/entityMaps", entity_maps.create_entity_map, "5.14.4", QUERY),
    Route("POST", "/entityMaps", entity_maps.create_entity_map_by_post, "5.14.4", SELECTION),
    Route("GET", "/entityMaps/{entityMapId}", entity_maps.retrieve_entity_map, "5.14.1"),
    Route("PATCH", "/entityMaps/{entityMapId}", entity_maps.update_entity_map, "5.14.2"),
    Route("DELETE", "/entityMaps/{entityMapId}", entity_maps.delete_entity_map, "5.14.3"),
    Route("GET", "/types", discovery.retrieve_entity_types, "5.7.5", _DETAILS),
    Route("GET", "/types/{type}", discovery.retrieve_entity_type, "5.7.7", frozenset({"local"})),
    Route("GET", "/attributes", discovery.retrieve_attributes, "5.7.8", _DETAILS),
    Route(
        "GET", "/attributes/{attrId}", discovery.retrieve_attribute, "5.7.10", frozenset({"local"})
    ),
    Route("GET", "/info/sourceIdentity", info.retrieve_source_identity, "5.15.1"),
    Route("POST", "/jsonldContexts", contexts.add_context, "5.13.2"),
    Route(
        "GET",
        "/jsonldContexts",
        contexts.list_contexts,
        "5.13.3",
        frozenset({"details", "kind"}),
    ),
    Route(
        "GET",
        "/jsonldContexts/{contextId}",
        contexts.serve_context,
        "5.13.4",
        frozenset({"details"}),
    ),
    Route(
        "DELETE",
        "/jsonldContexts/{contextId}",
        contexts.delete_context,
        "5.13.5",
        frozenset({"reload"}),
    ),
    Route("POST", "/subscriptions", subscriptions.create_subscription, "5.8.1"),
    Route(
        "GET",
        "/subscriptions",
        subscriptions.query_subscriptions,
        "5.8.4",
        frozenset({"limit", "offset", "count", "options"}),
    ),
    Route(
        "GET",
        "/subscriptions/{subscriptionId}",
        subscriptions.retrieve_subscription,
        "5.8.3",
        frozenset({"options"}),
    ),
    Route(
        "PATCH",
        "/subscriptions/{subscriptionId}",
        subscriptions.update_subscription,
        "5.8.2",
    ),
    Route(
        "DELETE",
        "/subscriptions/{subscriptionId}",
        subscriptions.delete_subscription,
        "5.8.5",
    ),
    Route("POST", "/csourceRegistrations", registrations.register_source, "5.9.2"),
    Route(
        "GET", "/csourceRegistrations", registrations.query_registrations, "5.10.2", REGISTRATIONS
    ),
    Route(
        "GET",
        "/csourceRegistrations/{registrationId}",
        registrations.retrieve_registration,
        "5.10.1",
        frozenset({"options"}),
    ),
    Route(
        "PATCH",
        "/csourceRegistrations/{registrationId}",
        registrations.update_registration,
        "5.9.3",
    ),
    Route(
        "DELETE",
        "/csourceRegistrations/{registrationId}",
        registrations.delete_registration,
        "5.9.4",
    ),
    Route(
        "POST",
        "/csourceSubscriptions",
        registration_subscriptions.create_registration_subscription,
        "5.11.2",
    ),
    Route(
        "GET",
        "/csourceSubscriptions",
        registration_subscriptions.query_registration_subscriptions,
        "5.11.5",
        frozenset({"limit", "offset", "count", "options"}),
    ),
    Route(
        "GET",
        "/csourceSubscriptions/{subscriptionId}",
        registration_subscriptions.retrieve_registration_subscription,
        "5.11.4",
        frozenset({"options"}),
    ),
    Route(
        "PATCH",
        "/csourceSubscriptions/{subscriptionId}",
        registration_subscriptions.update_registration_subscription,
        "5.11.3",
    ),
    Route(
        "DELETE",
        "/csourceSubscriptions/{subscriptionId}",
        registration_subscriptions.delete_registration_subscription,
        "5.11.6",
    ),
    Route("POST", "/snapshots", snapshots.create_snapshot, "5.16.1"),
    Route("DELETE", "/snapshots", snapshots.purge_snapshots, "5.16.7", frozenset({"q"})),
    Route("GET", "/snapshots/{snapshotId}", snapshots.retrieve_snapshot, "5.16.3"),
    Route("PATCH", "/snapshots/{snapshotId}", snapshots.update_snapshot, "5.16.4"),
    Route("DELETE", "/snapshots/{snapshotId}", snapshots.delete_snapshot, "5.16.5"),
    Route("POST", "/snapshots/{snapshotId}/clone", snapshots.clone_snapshot, "5.16.2"),
)


def add_routes(dispatcher: Dispatcher, application: Application) -> None:
    """Let the dispatcher answer the requests of the API."""
    for route in ROUTES:
        dispatcher.add(route.method, API_ROOT + route.path, _handling(route, application))


def _handling(route: Route, application: Application) -> Handle:
    handle, parameters = route.handler, route.parameters
    has_body = route.method in {"POST", "PATCH", "PUT"}
    repeatable = route.repeatable
    is_geojson_possible = route.clause in _ANSWERED_WITH_ENTITIES

    async def handler(request: web.BaseRequest, parts: PathParts) -> web.StreamResponse:
        incoming = Incoming(application, request, parameters, parts)
        if not is_geojson_possible and GEO_JSON in request.headers.get("Accept", ""):
            incoming.accepted(DOCUMENT_TYPES)
        if SNAPSHOT_HEADER in request.headers:
            await _enter_snapshot(incoming, route)
        if has_body:
            await incoming.read_body()
        if repeatable and repeats.HEADER in request.headers:
            return await repeats.answer_once(
                incoming, handle, creates_tenant=repeatable == "creates tenant"
            )
        response = await handle(incoming)
        if incoming.version is not None:
            confirm_version(incoming.version, response)
        return response

    return handler


async def _enter_snapshot(incoming: Incoming, route: Route) -> None:
    if not route.in_snapshots:
        raise OperationNotSupported(
            f"{route.method} {route.path} is no operation on a snapshot; "
            f"leave the header {SNAPSHOT_HEADER} out"
        )
    await incoming.enter_snapshot()
