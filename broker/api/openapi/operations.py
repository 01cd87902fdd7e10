"""What each operation takes and answers: bodies with examples that can be sent, and statuses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from broker.api.media_types import GEO_JSON, JSON, JSON_LD
from broker.api.openapi.parameters import ENTITY_ID, REGISTRATION_ID, SNAPSHOT_ID, SUBSCRIPTION_ID
from broker.api.openapi.schemas import Schema, array_of, reference


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A request body: its component schema, and an example."""

    schema: Schema
    example: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A response without an error: what it means, its body, the headers it may have."""

    description: str
    schema: Schema | None = None
    headers: tuple[str, ...] = ()
    has_geojson: bool = False

    @property
    def media_types(self) -> dict[str, Schema]:
        """Return the schema for each media type."""
        if self.schema is None:
            return {}
        types = {JSON: self.schema, JSON_LD: self.schema}
        if self.has_geojson:
            types[GEO_JSON] = {"anyOf": [reference("Feature"), reference("FeatureCollection"), {}]}
        return types


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation beyond what its route says. `errors` are those that not every operation has."""

    tag: str
    answers: dict[int, Answer]
    errors: tuple[int, ...] = ()
    body: RequestBody | None = None
    is_conditional: bool = False
    is_negotiated: bool = False


PROVISION, BATCHES, QUERIES = "Entities", "Batches", "Queries"
MAPS, SNAPSHOTS = "Entity maps", "Snapshots"
DISCOVERY, CONTEXTS, SUBSCRIPTIONS = "Discovery", "@contexts", "Subscriptions"
REGISTRATIONS = "Registrations"
TAGS = {
    PROVISION: "Create, read, change and delete entities (clause 5.6).",
    BATCHES: "Many entities with one request (clauses 5.6.7 to 5.6.10, 5.6.20).",
    QUERIES: "Find entities (clause 5.7.2).",
    MAPS: "Fix which entities a sequence of queries is about (clause 5.14).",
    SNAPSHOTS: "Copies of entities, to be worked on by themselves (clause 5.16).",
    DISCOVERY: "Which types and attributes there are, and which broker this is (5.7.5 to 5.7.10).",
    CONTEXTS: "Host and look after @contexts (clause 5.13).",
    SUBSCRIPTIONS: "Be told of changes (clause 5.8).",
    REGISTRATIONS: "Register context sources, find them, be told of them (clauses 5.9 to 5.11).",
}

_SPOTS = {"type": "Property", "value": 121, "observedAt": "2026-01-31T09:00:00Z"}
_LOCATION = {
    "type": "GeoProperty",
    "value": {"type": "Point", "coordinates": [-8.5, 41.2]},
}
PARKING: dict[str, Any] = {
    "id": ENTITY_ID,
    "type": "OffStreetParking",
    "name": {"type": "Property", "value": "Downtown One"},
    "availableSpotNumber": _SPOTS,
    "totalSpotNumber": {"type": "Property", "value": 200},
    "location": _LOCATION,
    "scope": "/Porto/Centre",
}
_ANOTHER = {**PARKING, "id": "urn:ngsi-ld:OffStreetParking:Downtown2"}
_FREE = {"availableSpotNumber": {**_SPOTS, "value": 120}}
_CHANGES = [{"id": ENTITY_ID, "type": "OffStreetParking", **_FREE}]
_ENTITIES = RequestBody({**array_of("Entity"), "minItems": 1}, [_ANOTHER])
_QUERY = {
    "type": "Query",
    "entities": [{"type": "OffStreetParking"}],
    "q": "availableSpotNumber>20",
    "geoQ": {
        "geometry": "Point",
        "coordinates": [-8.5, 41.2],
        "georel": "near;maxDistance==2000",
    },
    "pick": ["id", "availableSpotNumber"],
}
SUBSCRIPTION: dict[str, Any] = {
    "id": SUBSCRIPTION_ID,
    "type": "Subscription",
    "entities": [{"type": "OffStreetParking"}],
    "watchedAttributes": ["availableSpotNumber"],
    "q": "availableSpotNumber<10",
    "notification": {
        "attributes": ["availableSpotNumber"],
        "format": "concise",
        "endpoint": {"uri": "http://127.0.0.1:9026/parking", "accept": "application/json"},
    },
}
REGISTRATION: dict[str, Any] = {
    "id": REGISTRATION_ID,
    "type": "ContextSourceRegistration",
    "endpoint": "http://broker.example.org:1026",
    "information": [
        {
            "entities": [{"type": "OffStreetParking"}],
            "propertyNames": ["name", "availableSpotNumber"],
        }
    ],
    "location": {"type": "Point", "coordinates": [-8.5, 41.2]},
    "scope": "/Porto/Centre",
    "datasetId": ["urn:ngsi-ld:Dataset:parking"],
}
SNAPSHOT: dict[str, Any] = {
    "id": SNAPSHOT_ID,
    "type": "Snapshot",
    "snapshotQueries": [{"type": "Query", "entities": [{"type": "OffStreetParking"}]}],
    "snapshotLifetime": "PT1H",
    "snapshotPriority": 4,
}
CONTEXT = {
    "@context": {"availableSpotNumber": "https://example.org/parking/availableSpotNumber"},
}

_CREATED = Answer("Created.", headers=("Location",))
_DONE = Answer("Done.")
_BATCH = Answer("Some or none could be done.", reference("BatchOperationResult"))
_UPDATED = Answer("Some attributes were not changed.", reference("UpdateResult"))
_PAGE = Answer(
    "A page of entities.",
    array_of("EntityMembers"),
    headers=("Link", "NGSILD-Results-Count", "NGSILD-EntityMap"),
    has_geojson=True,
)
_DRY_RUN = Answer("With dryRun=true: what would go.", reference("DryRun"))
_MAP_MADE = Answer(
    "The entity map that was made.", reference("EntityMap"), ("Link", "NGSILD-EntityMap")
)
_BATCH_DONE = {204: _DONE, 207: _BATCH}
_ATTRIBUTES_DONE = {204: _DONE, 207: _UPDATED}


def _either(one: str, other: str) -> Schema:
    return {"anyOf": [reference(one), array_of(other)]}


_ONE_ENTITY = Answer(
    "The entity; with join=flat, an array of it and the entities it links to.",
    _either("EntityMembers", "EntityMembers"),
    headers=("ETag", "Link"),
    has_geojson=True,
)
_ATTRIBUTE = RequestBody(reference("AttributeFragment"), {"value": 119})


def _amendable(answer: Answer) -> dict[int, Answer]:
    """Return the answers of a read that may be amended to an earlier version (6.3.6)."""
    amended = replace(
        answer,
        description="The same, amended to the version of the standard that Prefer asks for.",
        headers=(*answer.headers, "Preference-Applied"),
        has_geojson=False,
    )
    return {200: answer, 203: amended}


_PAGES = {
    **_amendable(_PAGE),
    201: replace(_PAGE, description="The same, and an entity map was made."),
}


def _change(body: RequestBody | None, *, is_partial: bool = False) -> Operation:
    """Return an operation on one entity that needs it to exist."""
    return Operation(
        PROVISION,
        _ATTRIBUTES_DONE if is_partial else {204: _DONE},
        body=body,
        is_conditional=True,
    )


def _batch(body: RequestBody, *, creates: bool = False) -> Operation:
    created = {201: Answer("The ids of the entities created.", reference("EntityIds"))}
    return Operation(BATCHES, (created if creates else {}) | _BATCH_DONE, body=body)


def _read(tag: str, description: str, schema: Schema) -> Operation:
    return Operation(tag, {200: Answer(description, schema, ("Link",))}, is_negotiated=True)


_PROVISION = {
    "createEntity": Operation(
        PROVISION,
        {201: _CREATED},
        errors=(409,),
        body=RequestBody(reference("Entity"), PARKING),
        is_conditional=True,
    ),
    "retrieveEntity": Operation(
        PROVISION, _amendable(_ONE_ENTITY), is_conditional=True, is_negotiated=True
    ),
    "deleteEntity": _change(None),
    "mergeEntity": _change(RequestBody(reference("EntityFragment"), _FREE)),
    "replaceEntity": _change(RequestBody(reference("EntityMembers"), PARKING)),
    "appendAttributes": _change(
        RequestBody(reference("EntityFragment"), {"floors": {"type": "Property", "value": 3}}),
        is_partial=True,
    ),
    "updateAttributes": _change(RequestBody(reference("EntityFragment"), _FREE), is_partial=True),
    "partialAttributeUpdate": _change(_ATTRIBUTE),
    "replaceAttribute": _change(RequestBody(reference("AttributeFragment"), _SPOTS)),
    "deleteAttribute": _change(None),
    "purgeEntities": Operation(
        PROVISION,
        {200: _DRY_RUN, **_BATCH_DONE},
        errors=(403,),
    ),
}
_BATCHES = {
    "createEntities": _batch(_ENTITIES, creates=True),
    "upsertEntities": _batch(_ENTITIES, creates=True),
    "updateEntities": _batch(RequestBody(array_of("EntityFragment"), _CHANGES)),
    "mergeEntities": _batch(RequestBody(array_of("EntityFragment"), _CHANGES)),
    "deleteEntities": Operation(
        BATCHES,
        {200: _DRY_RUN, **_BATCH_DONE},
        body=RequestBody(reference("EntityIds"), [ENTITY_ID]),
    ),
}
_QUERIES = {
    "queryEntities": Operation(QUERIES, _PAGES, errors=(403,), is_negotiated=True),
    "queryEntitiesByPost": Operation(
        QUERIES,
        _PAGES,
        errors=(403,),
        body=RequestBody(reference("Query"), _QUERY),
        is_negotiated=True,
    ),
}
_MAPS = {
    "createEntityMap": Operation(MAPS, {201: _MAP_MADE}, errors=(403,), is_negotiated=True),
    "createEntityMapByPost": Operation(
        MAPS,
        {201: _MAP_MADE},
        errors=(403,),
        body=RequestBody(reference("Query"), _QUERY),
        is_negotiated=True,
    ),
    "retrieveEntityMap": _read(MAPS, "The entity map.", reference("EntityMap")),
    "updateEntityMap": Operation(
        MAPS,
        {204: _DONE},
        body=RequestBody(reference("EntityMapFragment"), {"expiresAt": "2099-01-31T09:00:00Z"}),
    ),
    "deleteEntityMap": Operation(MAPS, {204: _DONE}),
}
_SNAPSHOT_STATUS = Answer("The snapshot.", reference("Snapshot"), ("Link",))
_SNAPSHOTS = {
    "createSnapshot": Operation(
        SNAPSHOTS,
        {201: _CREATED},
        errors=(403, 409, 422),
        body=RequestBody(reference("Snapshot"), SNAPSHOT),
    ),
    "purgeSnapshots": Operation(SNAPSHOTS, {204: _DONE}, errors=(403, 422)),
    "retrieveSnapshot": Operation(
        SNAPSHOTS, {200: _SNAPSHOT_STATUS}, errors=(422,), is_negotiated=True
    ),
    "updateSnapshot": Operation(
        SNAPSHOTS,
        {200: _SNAPSHOT_STATUS},
        errors=(422,),
        body=RequestBody(reference("SnapshotFragment"), {"snapshotPriority": 7}),
        is_negotiated=True,
    ),
    "deleteSnapshot": Operation(SNAPSHOTS, {204: _DONE}, errors=(422,)),
    "cloneSnapshot": Operation(
        SNAPSHOTS,
        {201: _CREATED},
        errors=(403, 409, 422),
        body=RequestBody(reference("SnapshotClone"), {"type": "Snapshot"}),
    ),
}
_DISCOVERY = {
    "retrieveEntityTypes": _read(DISCOVERY, "Types.", _either("EntityTypeList", "EntityType")),
    "retrieveEntityType": _read(DISCOVERY, "The type.", reference("EntityTypeInfo")),
    "retrieveAttributes": _read(
        DISCOVERY, "Attributes.", _either("AttributeList", "AttributeDescription")
    ),
    "retrieveAttribute": _read(DISCOVERY, "The attribute.", reference("AttributeDescription")),
    "retrieveSourceIdentity": _read(DISCOVERY, "This broker.", reference("ContextSourceIdentity")),
}
_CONTEXTS = {
    "addContext": Operation(
        CONTEXTS, {201: _CREATED}, body=RequestBody(reference("ContextDocument"), CONTEXT)
    ),
    "listContexts": Operation(
        CONTEXTS,
        {
            200: Answer(
                "The addresses of @contexts, or with details=true all that is known of them.",
                {
                    "type": "array",
                    "items": {"anyOf": [{"type": "string"}, reference("ContextDetails")]},
                },
            )
        },
        is_negotiated=True,
    ),
    "serveContext": Operation(
        CONTEXTS,
        {
            200: Answer(
                "The @context, or with details=true what is known of it.",
                {"anyOf": [reference("ContextDocument"), reference("ContextDetails")]},
            )
        },
        errors=(422,),
        is_negotiated=True,
    ),
    "deleteContext": Operation(CONTEXTS, {204: _DONE}, errors=(422,)),
}
_SUBSCRIPTIONS = {
    "createSubscription": Operation(
        SUBSCRIPTIONS,
        {201: _CREATED},
        errors=(403, 409),
        body=RequestBody(reference("Subscription"), SUBSCRIPTION),
    ),
    "querySubscriptions": Operation(
        SUBSCRIPTIONS,
        {
            200: Answer(
                "A page of subscriptions.",
                array_of("Subscription"),
                ("Link", "NGSILD-Results-Count"),
            )
        },
        errors=(403,),
        is_negotiated=True,
    ),
    "retrieveSubscription": _read(SUBSCRIPTIONS, "The subscription.", reference("Subscription")),
    "updateSubscription": Operation(
        SUBSCRIPTIONS,
        {204: _DONE},
        errors=(403,),
        body=RequestBody(reference("SubscriptionFragment"), {"isActive": False}),
    ),
    "deleteSubscription": Operation(SUBSCRIPTIONS, {204: _DONE}),
}
_REGISTRATION_SUBSCRIPTION = {
    "id": SUBSCRIPTION_ID,
    "type": "Subscription",
    "entities": [{"type": "OffStreetParking"}],
    "csf": 'endpoint~="example.org"',
    "notification": {"endpoint": {"uri": "http://127.0.0.1:9026/sources"}},
}
_REGISTRATION_SUBSCRIPTIONS = {
    "createRegistrationSubscription": Operation(
        REGISTRATIONS,
        {201: _CREATED},
        errors=(403, 409),
        body=RequestBody(reference("Subscription"), _REGISTRATION_SUBSCRIPTION),
    ),
    "queryRegistrationSubscriptions": Operation(
        REGISTRATIONS,
        {
            200: Answer(
                "A page of subscriptions to registrations.",
                array_of("Subscription"),
                ("Link", "NGSILD-Results-Count"),
            )
        },
        errors=(403,),
        is_negotiated=True,
    ),
    "retrieveRegistrationSubscription": _read(
        REGISTRATIONS, "The subscription.", reference("Subscription")
    ),
    "updateRegistrationSubscription": Operation(
        REGISTRATIONS,
        {204: _DONE},
        errors=(403,),
        body=RequestBody(reference("SubscriptionFragment"), {"isActive": False}),
    ),
    "deleteRegistrationSubscription": Operation(REGISTRATIONS, {204: _DONE}),
}
_REGISTRATIONS = {
    "registerSource": Operation(
        REGISTRATIONS,
        {201: _CREATED},
        errors=(409,),
        body=RequestBody(reference("Registration"), REGISTRATION),
    ),
    "queryRegistrations": Operation(
        REGISTRATIONS,
        {
            200: Answer(
                "A page of the matching registrations.",
                array_of("Registration"),
                ("Link", "NGSILD-Results-Count"),
            )
        },
        errors=(403,),
        is_negotiated=True,
    ),
    "retrieveRegistration": _read(REGISTRATIONS, "The registration.", reference("Registration")),
    "updateRegistration": Operation(
        REGISTRATIONS,
        {204: _DONE},
        errors=(409,),
        body=RequestBody(reference("RegistrationFragment"), {"registrationName": "Parking"}),
    ),
    "deleteRegistration": Operation(REGISTRATIONS, {204: _DONE}),
}

OPERATIONS: dict[str, Operation] = {
    **_PROVISION,
    **_BATCHES,
    **_QUERIES,
    **_MAPS,
    **_SNAPSHOTS,
    **_DISCOVERY,
    **_CONTEXTS,
    **_SUBSCRIPTIONS,
    **_REGISTRATIONS,
    **_REGISTRATION_SUBSCRIPTIONS,
}
"""Every operation by its identifier, which is the name of its handler."""
