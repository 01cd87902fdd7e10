"""The shapes of bodies, as components of the OpenAPI document (clauses 4.5, 5.2)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ATTRIBUTE_KINDS = {
    "Property": ("value", "4.5.2", {}),
    "GeoProperty": ("value", "4.7", {"$ref": "#/components/schemas/Geometry"}),
    "Relationship": ("object", "4.5.3", {"$ref": "#/components/schemas/UriOrUris"}),
    "LanguageProperty": ("languageMap", "4.5.18", {"type": "object"}),
    "VocabProperty": ("vocab", "4.5.20", {"$ref": "#/components/schemas/TextOrTexts"}),
    "JsonProperty": ("json", "4.5.24", {}),
    "ListProperty": ("valueList", "4.5.21", {"type": "array"}),
    "ListRelationship": ("objectList", "4.5.22", {"type": "array"}),
}
"""Kind of attribute: the member that holds its value, the clause, the shape of that member."""


def reference(name: str) -> Schema:
    """Return a reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(name: str) -> Schema:
    """Return the shape of an array of one component."""
    return {"type": "array", "items": reference(name)}


def component_schemas() -> dict[str, Schema]:
    """Return every component schema by its name."""
    return {
        **_VALUES,
        **{kind: _kind(kind) for kind in ATTRIBUTE_KINDS},
        **_ENTITIES,
        **_QUERIES,
        **_MAPS,
        **_SNAPSHOTS,
        **_SUBSCRIPTIONS,
        **_REGISTRATIONS,
        **_DISCOVERY,
        **_RESULTS,
    }


def _object(meaning: str, required: tuple[str, ...] = (), /, **properties: Any) -> Schema:
    schema: Schema = {"type": "object", "description": meaning, "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def _kind(name: str) -> Schema:
    member, clause, value = ATTRIBUTE_KINDS[name]
    return {
        "allOf": [
            reference("AttributeMembers"),
            _object(
                f"A {name} (clause {clause}), normalized.",
                ("type", member),
                type={"const": name},
                **{member: value},
            ),
        ]
    }


_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT, "minItems": 1}
_URI: Schema = {"type": "string", "format": "uri"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_WRITTEN_BY_BROKER: Schema = {**_TIME, "readOnly": True}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}

_VALUES: dict[str, Schema] = {
    "TextOrTexts": {"anyOf": [_TEXT, _TEXTS]},
    "UriOrUris": {"anyOf": [_URI, {"type": "array", "items": _URI}]},
    "LdContext": {
        "description": "A JSON-LD @context: a URL, an object of terms, or an array of these.",
        "anyOf": [_TEXT, {"type": "object"}, {"type": "array"}],
    },
    "Geometry": _object(
        "A GeoJSON geometry (RFC 7946), longitude first.",
        ("type", "coordinates"),
        type={
            "enum": [
                "Point",
                "MultiPoint",
                "LineString",
                "MultiLineString",
                "Polygon",
                "MultiPolygon",
            ]
        },
        coordinates={"type": "array"},
    ),
    "AttributeMembers": _object(
        "What every attribute may have beside its value; other members are sub-attributes.",
        observedAt=_TIME,
        datasetId={**_URI, "description": "Tells several instances apart (clause 4.5.5)."},
        unitCode=_TEXT,
        valueType=reference("TextOrTexts"),
        objectType=reference("TextOrTexts"),
        expiresAt=_TIME,
        ngsildproof={"type": "object"},
        createdAt=_WRITTEN_BY_BROKER,
        modifiedAt=_WRITTEN_BY_BROKER,
    ),
    "Attribute": {
        "oneOf": [reference(kind) for kind in ATTRIBUTE_KINDS],
        "discriminator": {"propertyName": "type"},
    },
    "AttributeOrValue": {
        "description": "An attribute or an array of its instances, normalized; or what stands for"
        " it in the concise or simplified representation: any JSON value.",
        "anyOf": [reference("Attribute"), array_of("Attribute"), {}],
    },
}

_ENTITIES: dict[str, Schema] = {
    "EntityMembers": {
        **_object(
            "Members of an entity; every other name is an attribute.",
            id=_URI,
            type=reference("TextOrTexts"),
            scope=reference("TextOrTexts"),
            expiresAt=_TIME,
            createdAt=_WRITTEN_BY_BROKER,
            modifiedAt=_WRITTEN_BY_BROKER,
            **{"@context": reference("LdContext")},
        ),
        "additionalProperties": reference("AttributeOrValue"),
    },
    "Entity": {
        "description": "An NGSI-LD entity (clause 5.2.4).",
        "allOf": [reference("EntityMembers"), {"required": ["id", "type"]}],
    },
    "EntityFragment": {
        "description": "What is to change of an entity (clause 5.4); the value urn:ngsi-ld:null"
        " deletes an attribute.",
        "allOf": [reference("EntityMembers"), {"minProperties": 1}],
    },
    "AttributeFragment": {
        "description": "What is to change of an attribute, or an array with one instance each.",
        "anyOf": [{"type": "object", "minProperties": 1}, {"type": "array"}, {}],
    },
    "Feature": _object(
        "An entity as a GeoJSON feature (clause 4.5.16).",
        ("type", "geometry", "properties"),
        id=_URI,
        type={"const": "Feature"},
        geometry={"anyOf": [reference("Geometry"), {"type": "null"}]},
        properties={"type": "object"},
    ),
    "FeatureCollection": _object(
        "Entities as a GeoJSON feature collection (clause 4.5.16).",
        ("type", "features"),
        type={"const": "FeatureCollection"},
        features=array_of("Feature"),
    ),
}

_QUERIES: dict[str, Schema] = {
    "EntitySelector": _object(
        "Which entities (clause 5.2.33); `type` is a type selection (clause 4.17).",
        id=reference("UriOrUris"),
        idPattern=_TEXT,
        type=_TEXT,
    ),
    "GeoQuery": _object(
        "A geo-query (clause 5.2.13).",
        ("georel", "geometry", "coordinates"),
        georel=_TEXT,
        geometry=_TEXT,
        coordinates={"anyOf": [{"type": "array"}, _TEXT]},
        geoproperty=_TEXT,
    ),
    "OrderingParams": _object(
        "In which order (clause 5.2.43).",
        ("orderBy",),
        orderBy=reference("TextOrTexts"),
        collation=_TEXT,
        geometry=_TEXT,
        coordinates={"anyOf": [{"type": "array"}, _TEXT]},
    ),
    "Query": {
        **_object(
            "A query (clause 5.2.23).",
            ("type",),
            type={"const": "Query"},
            entities={**array_of("EntitySelector"), "minItems": 1},
            attrs=reference("TextOrTexts"),
            pick=reference("TextOrTexts"),
            omit=reference("TextOrTexts"),
            q=_TEXT,
            geoQ=reference("GeoQuery"),
            scopeQ=_TEXT,
            csf=_TEXT,
            lang=_TEXT,
            datasetId=reference("TextOrTexts"),
            expandValues=_TEXT,
            jsonKeys=_TEXT,
            join={"enum": ["flat", "inline", "@none"]},
            joinLevel={"type": "integer", "minimum": 1},
            containedBy=reference("UriOrUris"),
            ordering=reference("OrderingParams"),
            entityMap=_FLAG,
            entityMapLifetime={**_TEXT, "description": "a duration (ISO 8601)"},
            splitEntities=_FLAG,
            **{"@context": reference("LdContext")},
        ),
        "additionalProperties": False,
    },
}

_MAPS: dict[str, Schema] = {
    "EntityMap": _object(
        "Which entities a sequence of queries is about, and who holds them (clause 5.2.39).",
        ("id", "type", "expiresAt", "entityMap", "linkedMaps"),
        id=_URI,
        type={"const": "EntityMap"},
        expiresAt=_TIME,
        entityMap={
            "description": "For each entity its registrations; @none is this broker.",
            "type": "object",
            "additionalProperties": _TEXTS,
        },
        linkedMaps={"type": "object", "additionalProperties": _TEXT},
        **{"@context": reference("LdContext")},
    ),
    "EntityMapFragment": _object("When the map is to end (clause 5.14.2).", expiresAt=_TIME),
}

_SNAPSHOTS: dict[str, Schema] = {
    "ExecutionResultDetails": _object(
        "What became of a query of a snapshot (clause 5.2.42).",
        ("resultStatus",),
        resultStatus={"enum": ["success", "failure", "empty"]},
        problemDetails=reference("ProblemDetails"),
    ),
    "SnapshotClone": {
        **_object(
            "What a client says of a snapshot beside its queries (clause 5.2.41).",
            ("type",),
            id=_URI,
            type={"const": "Snapshot"},
            snapshotLifetime={**_TEXT, "description": "a duration (ISO 8601)"},
            snapshotPriority={"type": "integer", "minimum": 1, "maximum": 10, "default": 5},
            endpoint={**_URI, "description": "where changes of the status are notified"},
            receiverInfo=array_of("KeyValuePair"),
            **{"@context": reference("LdContext")},
        ),
    },
    "Snapshot": {
        "description": "A snapshot (clause 5.2.41).",
        "allOf": [
            reference("SnapshotClone"),
            _object(
                "Its queries, and what the broker tells of it.",
                snapshotQueries={**array_of("Query"), "minItems": 1},
                snapshotTemporalQueries={
                    "type": "array",
                    "items": {"type": "object"},
                    "minItems": 1,
                },
                snapshotStatus={
                    "enum": ["preparing", "success", "partial", "failure", "empty"],
                    "readOnly": True,
                },
                snapshotQueriesDetails=array_of("ExecutionResultDetails"),
                snapshotTemporalQueriesDetails=array_of("ExecutionResultDetails"),
                createdAt=_WRITTEN_BY_BROKER,
                modifiedAt=_WRITTEN_BY_BROKER,
                expiresAt=_WRITTEN_BY_BROKER,
                lastUsedAt=_WRITTEN_BY_BROKER,
            ),
        ],
    },
    "SnapshotFragment": _object(
        "What is to change of a snapshot; urn:ngsi-ld:null removes a member.",
        snapshotLifetime=_TEXT,
        snapshotPriority={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 10}, _TEXT]},
        endpoint=_URI,
        receiverInfo={"anyOf": [array_of("KeyValuePair"), _TEXT]},
    ),
}

_SUBSCRIPTIONS: dict[str, Schema] = {
    "KeyValuePair": _object("A name and its value.", ("key", "value"), key=_TEXT, value=_TEXT),
    "Endpoint": _object(
        "Where notifications go (clause 5.2.15): an http(s) or mqtt(s) URL.",
        ("uri",),
        uri=_URI,
        accept=_TEXT,
        timeout={"type": "number", "exclusiveMinimum": 0, "description": "milliseconds"},
        cooldown={"type": "number", "exclusiveMinimum": 0, "description": "milliseconds"},
        receiverInfo=array_of("KeyValuePair"),
        notifierInfo=array_of("KeyValuePair"),
    ),
    "NotificationParams": _object(
        "What is sent, and what became of it (clause 5.2.14). Beyond the standard the broker"
        " writes `lastFailureReason` and `timesDiscarded`.",
        endpoint=reference("Endpoint"),
        attributes=_TEXTS,
        pick=_TEXTS,
        omit=_TEXTS,
        format={"enum": ["normalized", "concise", "simplified", "keyValues"]},
        sysAttrs=_FLAG,
        showChanges=_FLAG,
        join={"enum": ["flat", "inline", "@none"]},
        joinLevel={"type": "integer", "minimum": 1},
        status={"enum": ["ok", "failed"], "readOnly": True},
        timesSent={**_COUNT, "readOnly": True},
        timesFailed={**_COUNT, "readOnly": True},
        timesDiscarded={**_COUNT, "readOnly": True},
        lastNotification=_WRITTEN_BY_BROKER,
        lastSuccess=_WRITTEN_BY_BROKER,
        lastFailure=_WRITTEN_BY_BROKER,
        lastFailureReason={**_TEXT, "readOnly": True},
    ),
    "SubscriptionMembers": _object(
        "Members of a subscription (clause 5.2.12).",
        id=_URI,
        type={"const": "Subscription"},
        subscriptionName=_TEXT,
        description=_TEXT,
        entities={"type": "array", "minItems": 1, "items": {"type": "object"}},
        watchedAttributes=_TEXTS,
        notificationTrigger=_TEXTS,
        timeInterval={"type": "integer", "minimum": 1, "description": "seconds"},
        throttling={"type": "number", "exclusiveMinimum": 0, "description": "seconds"},
        q=_TEXT,
        geoQ=reference("GeoQuery"),
        scopeQ=_TEXT,
        csf=_TEXT,
        temporalQ=reference("TemporalQuery"),
        expandValues=_TEXT,
        jsonKeys=_TEXT,
        lang=_TEXT,
        datasetId=_TEXTS,
        ngsildConformance={**_TEXT, "description": "a version of the standard, such as 1.5"},
        localOnly=_FLAG,
        splitEntities=_FLAG,
        isActive=_FLAG,
        expiresAt=_TIME,
        notification=reference("NotificationParams"),
        jsonldContext=_TEXT,
        status={"enum": ["active", "paused", "expired"], "readOnly": True},
        createdAt=_WRITTEN_BY_BROKER,
        modifiedAt=_WRITTEN_BY_BROKER,
        **{"@context": reference("LdContext")},
    ),
    "Subscription": {
        "description": "A subscription (clause 5.2.12).",
        "allOf": [reference("SubscriptionMembers"), {"required": ["type", "notification"]}],
    },
    "SubscriptionFragment": {
        "description": "What is to change of a subscription; urn:ngsi-ld:null removes a member.",
        "type": "object",
        "minProperties": 1,
    },
}

_NAMED: dict[str, Schema] = {"id": _URI, "@context": reference("LdContext")}

_DISCOVERY: dict[str, Schema] = {
    "EntityTypeList": _object(
        "The types of the entities there are (clause 5.2.24).",
        ("id", "type", "typeList"),
        **_NAMED,
        type={"const": "EntityTypeList"},
        typeList={"type": "array", "items": _TEXT},
    ),
    "EntityType": _object(
        "A type and the attributes its entities have (clause 5.2.25).",
        ("id", "type", "typeName", "attributeNames"),
        **_NAMED,
        type={"const": "EntityType"},
        typeName=_TEXT,
        attributeNames={"type": "array", "items": _TEXT},
    ),
    "EntityTypeInfo": _object(
        "A type in detail (clause 5.2.26).",
        ("id", "type", "typeName", "entityCount", "attributeDetails"),
        **_NAMED,
        type={"const": "EntityTypeInfo"},
        typeName=_TEXT,
        entityCount=_COUNT,
        attributeDetails=array_of("AttributeDescription"),
    ),
    "AttributeList": _object(
        "The attributes there are (clause 5.2.27).",
        ("id", "type", "attributeList"),
        **_NAMED,
        type={"const": "AttributeList"},
        attributeList={"type": "array", "items": _TEXT},
    ),
    "AttributeDescription": _object(
        "An attribute: how often, of which kinds, of which types of entities (clause 5.2.28).",
        ("id", "type", "attributeName"),
        **_NAMED,
        type={"const": "Attribute"},
        attributeName=_TEXT,
        attributeCount=_COUNT,
        attributeTypes={"type": "array", "items": _TEXT},
        typeNames={"type": "array", "items": _TEXT},
    ),
    "ContextSourceIdentity": _object(
        "Which broker this is (clause 5.2.40).",
        ("id", "type", "contextSourceAlias", "contextSourceUptime", "contextSourceTimeAt"),
        **_NAMED,
        type={"const": "ContextSourceIdentity"},
        contextSourceAlias=_TEXT,
        contextSourceUptime={**_TEXT, "description": "a duration (ISO 8601)"},
        contextSourceTimeAt=_TIME,
    ),
    "ContextDetails": _object(
        "A stored @context (clause 5.13.3.5).",
        ("URL", "localId", "kind"),
        URL=_TEXT,
        localId=_TEXT,
        kind={"enum": ["Hosted", "Cached", "ImplicitlyCreated"]},
        createdAt=_TIME,
        expiresAt=_TIME,
        lastUsage=_TIME,
        numberOfHits=_COUNT,
    ),
    "ContextDocument": _object(
        "A JSON object with an @context.",
        ("@context",),
        **{"@context": reference("LdContext")},
    ),
}

_REGISTRATION_MEMBERS: dict[str, Any] = {
    "@context": reference("LdContext"),
    "id": _URI,
    "type": {"const": "ContextSourceRegistration"},
    "registrationName": _TEXT,
    "description": _TEXT,
    "information": {**array_of("RegistrationInfo"), "minItems": 1},
    "endpoint": {**_URI, "description": "The NGSI-LD interface of the source."},
    "contextSourceInfo": array_of("KeyValuePair"),
    "contextSourceAlias": _TEXT,
    "tenant": {**_TEXT, "description": "The tenant at the source."},
    "mode": {"enum": ["inclusive", "exclusive", "redirect", "auxiliary"]},
    "operations": _TEXTS,
    "datasetId": _TEXTS,
    "scope": reference("TextOrTexts"),
    "location": reference("Geometry"),
    "observationSpace": reference("Geometry"),
    "operationSpace": reference("Geometry"),
    "observationInterval": reference("TimeInterval"),
    "managementInterval": reference("TimeInterval"),
    "management": reference("RegistrationManagementInfo"),
    "refreshRate": {**_TEXT, "description": "a duration (ISO 8601)"},
    "expiresAt": _TIME,
    "createdAt": _WRITTEN_BY_BROKER,
    "modifiedAt": _WRITTEN_BY_BROKER,
}
_REGISTRATIONS: dict[str, Schema] = {
    "EntityInfo": _object(
        "Entities a source has (clause 5.2.8).",
        ("type",),
        type=reference("TextOrTexts"),
        id=_URI,
        idPattern=_TEXT,
    ),
    "RegistrationInfo": _object(
        "What a source can tell of which entities (clause 5.2.10).",
        entities={**array_of("EntityInfo"), "minItems": 1},
        propertyNames=_TEXTS,
        relationshipNames=_TEXTS,
    ),
    "TemporalQuery": _object(
        "A relation in time, for subscriptions to registrations (clause 5.2.21).",
        ("timerel", "timeAt"),
        timerel={"enum": ["before", "after", "between"]},
        timeAt=_TIME,
        endTimeAt=_TIME,
        timeproperty={"enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]},
    ),
    "TimeInterval": _object(
        "An interval, open without an end (clause 5.2.11).",
        ("startAt",),
        startAt=_TIME,
        endAt=_TIME,
    ),
    "RegistrationManagementInfo": _object(
        "How to deal with a source (clause 5.2.34); times in milliseconds.",
        cacheDuration={**_TEXT, "description": "a duration (ISO 8601)"},
        cooldown={"type": "number", "exclusiveMinimum": 0},
        localOnly=_FLAG,
        timeout={"type": "number", "exclusiveMinimum": 0},
    ),
    "Registration": _object(
        "A context source registration (clause 5.2.9); other members describe the source.",
        ("type", "information", "endpoint"),
        **_REGISTRATION_MEMBERS,
    ),
    "RegistrationFragment": _object(
        "Members of a registration to change; urn:ngsi-ld:null removes one (clause 5.9.3).",
        **_REGISTRATION_MEMBERS,
    ),
}

_RESULTS: dict[str, Schema] = {
    "ProblemDetails": _object(
        "What went wrong, where, and what would be right (RFC 9457, clause 6.3.2).",
        ("type", "title", "status", "detail"),
        type={**_URI, "description": "https://uri.etsi.org/ngsi-ld/errors/…"},
        title=_TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=_TEXT,
        pointer={**_TEXT, "description": "the place in the body (RFC 6901)"},
        attributeNames={"type": "array", "items": _TEXT},
        retryable={**_FLAG, "description": "whether trying again may help"},
    ),
    "BatchEntityError": _object(
        "What became of one element of a batch (clause 5.2.17).",
        ("entityId", "error"),
        entityId=_TEXT,
        error=reference("ProblemDetails"),
    ),
    "BatchOperationResult": _object(
        "What of a batch could be done (clause 5.2.16).",
        ("success", "errors"),
        success={"type": "array", "items": _URI},
        errors=array_of("BatchEntityError"),
    ),
    "NotUpdatedDetails": _object(
        "An attribute that was not changed, and why (clause 5.2.19).",
        ("attributeName", "reason"),
        attributeName=_TEXT,
        reason=_TEXT,
    ),
    "UpdateResult": _object(
        "Which attributes were changed (clause 5.2.18).",
        ("updated", "notUpdated"),
        updated={"type": "array", "items": _TEXT},
        notUpdated=array_of("NotUpdatedDetails"),
    ),
    "EntityIds": {"type": "array", "items": _URI, "minItems": 1},
    "DryRun": _object(
        "What the request would touch; nothing has been changed.",
        ("dryRun", "entities"),
        dryRun={"const": True},
        entities={"type": "array", "items": _URI},
    ),
}
