"""What each URI parameter and header means, and which values it takes (clauses 6.3 to 6.33)."""

from __future__ import annotations

from typing import Any, NamedTuple

from broker.api.incoming import SNAPSHOT_HEADER, TENANT_HEADER
from broker.contexts.link import context_link


class Parameter(NamedTuple):
    """A parameter: its meaning, its schema, and a value of it that can be sent."""

    description: str
    schema: dict[str, Any]
    example: Any = None


_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_FLAG: dict[str, Any] = {"type": "boolean", "default": False}
_LIST: dict[str, Any] = {"type": "array", "items": _TEXT, "minItems": 1}
_URI: dict[str, Any] = {"type": "string", "format": "uri"}
_URIS: dict[str, Any] = {"type": "array", "items": _URI, "minItems": 1}
_FORM: dict[str, Any] = {"enum": ["normalized", "concise", "simplified", "keyValues"]}
_GEOMETRY: dict[str, Any] = {
    "enum": ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]
}
_DATE_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_SIMPLIFIED: dict[str, Any] = {"enum": ["simplified", "keyValues"]}

ENTITY_ID = "urn:ngsi-ld:OffStreetParking:Downtown1"
SNAPSHOT_ID = "urn:ngsi-ld:Snapshot:parking"
SUBSCRIPTION_ID = "urn:ngsi-ld:Subscription:parking"
REGISTRATION_ID = "urn:ngsi-ld:ContextSourceRegistration:parking"

PATH: dict[str, Parameter] = {
    "entityId": Parameter("The entity.", _URI, ENTITY_ID),
    "attrId": Parameter(
        "The attribute, by the name it has in the @context or by its IRI.",
        _TEXT,
        "availableSpotNumber",
    ),
    "type": Parameter(
        "The entity type, by the name it has in the @context or by its IRI.",
        _TEXT,
        "OffStreetParking",
    ),
    "contextId": Parameter("The @context: its local identifier or its URL.", _TEXT),
    "entityMapId": Parameter("The entity map.", _URI, "urn:ngsi-ld:EntityMap:parking"),
    "snapshotId": Parameter("The snapshot.", _URI, SNAPSHOT_ID),
    "subscriptionId": Parameter("The subscription.", _URI, SUBSCRIPTION_ID),
    "registrationId": Parameter("The registration.", _URI, REGISTRATION_ID),
}

QUERY: dict[str, Parameter] = {
    "attrs": Parameter("Entities with one of these attributes, reduced to them (deprecated).",
                       _LIST),
    "collation": Parameter("The language by whose rules text is ordered.", _TEXT, "ja"),
    "containedBy": Parameter("Entities that linked ones may not lead back to.", _URIS),
    "coordinates": Parameter("The coordinates of the reference geometry, as in GeoJSON.", _TEXT,
                             "[-8.5,41.2]"),
    "count": Parameter("Whether to tell the size of the whole result in NGSILD-Results-Count.",
                       _FLAG, example=True),
    "csf": Parameter("A condition on sources, checked for its grammar; no source is asked yet.",
                     _TEXT, 'endpoint~="example.org"'),
    "cursor": Parameter("The place where a page begins; only links to pages carry it.", _TEXT),
    "datasetId": Parameter("Instances of attributes with these datasetIds; @none is the default"
                           " instance.", _LIST),
    "deleteAll": Parameter("Whether all instances go, rather than one.", _FLAG, example=True),
    "details": Parameter("Whether to give details rather than names.", _FLAG, example=True),
    "drop": Parameter("Remove these attributes instead of the entities.", _LIST),
    "dryRun": Parameter("Only tell which entities the request would touch.", _FLAG, example=True),
    "endTimeAt": Parameter("The end of timerel=between.", _DATE_TIME),
    "entityMap": Parameter("Whether to page through an entity map, and make one if there is none.",
                           _FLAG),
    "entityMapLifetime": Parameter("How long the entity map is wanted (ISO 8601 duration).",
                                   _TEXT, "PT5M"),
    "expandValues": Parameter("Attributes whose values in q are expanded by the @context.", _LIST,
                              ["name"]),
    "format": Parameter("The representation.", _FORM, "concise"),
    "geometry": Parameter("The kind of the reference geometry.", _GEOMETRY, "Point"),
    "geometryProperty": Parameter("The GeoProperty that becomes the geometry of GeoJSON.", _TEXT,
                                  "location"),
    "geoproperty": Parameter("The GeoProperty the geo-query is about.", _TEXT, "location"),
    "georel": Parameter("The relation to the reference geometry (clause 4.10).", _TEXT,
                        "near;maxDistance==2000"),
    "id": Parameter("Entities with these ids.", _URIS, [ENTITY_ID]),
    "idPattern": Parameter("Entities whose id matches this regular expression.", _TEXT,
                           "^urn:ngsi-ld:OffStreetParking:"),
    "join": Parameter("How linked entities are given.", {"enum": ["flat", "inline", "@none"]},
                      "inline"),
    "joinLevel": Parameter("How far links are followed.", {"type": "integer", "minimum": 1}, 1),
    "jsonKeys": Parameter("Attributes of which no value in q is expanded, whatever expandValues"
                          " says.", _LIST, ["name"]),
    "keep": Parameter("Remove all attributes but these, instead of the entities.", _LIST),
    "kind": Parameter("@contexts of this kind.",
                      {"enum": ["Hosted", "Cached", "ImplicitlyCreated"]}, "Hosted"),
    "lang": Parameter("Languages that LanguageProperties are reduced to, best first.", _TEXT, "en"),
    "limit": Parameter("The most elements on a page; 0 only counts, with count=true.",
                       {"type": "integer", "minimum": 0}, 10),
    "local": Parameter("Whether only this broker is asked.", _FLAG, example=True),
    "observedAt": Parameter("observedAt of attributes that come without it.",
                            {"type": "string", "format": "date-time"}, "2026-01-31T09:00:00Z"),
    "offset": Parameter("How many elements to pass over.", {"type": "integer", "minimum": 0}, 0),
    "omit": Parameter("Members left out (clause 4.21).", _TEXT, "location"),
    "options": Parameter("Representation, and sysAttrs for createdAt and modifiedAt.",
                         {"type": "array", "minItems": 1,
                          "items": {"enum": [*_FORM["enum"], "sysAttrs"]}}, ["sysAttrs"]),
    "orderBy": Parameter("What the result is ordered by; name;desc for descending (clause 4.23).",
                         _TEXT, "availableSpotNumber;desc"),
    "orderFrom": Parameter("Coordinates that distances are measured from.", _TEXT),
    "orderGeometry": Parameter("The geometry of orderFrom.", _GEOMETRY),
    "pick": Parameter("The only members given (clause 4.21).", _TEXT, "id,availableSpotNumber"),
    "q": Parameter("A condition on attributes (clause 4.9).", _TEXT, "availableSpotNumber>20"),
    "reload": Parameter("Fetch the @context again instead of deleting it.", _FLAG),
    "scopeQ": Parameter("Entities in these scopes (clause 4.19).", _TEXT, "/Porto/#"),
    "splitEntities": Parameter("Whether an entity may be distributed over several brokers: then"
                               " an entity map is made by id and type alone.", _FLAG),
    "timeAt": Parameter("The time that timerel is about.", _DATE_TIME),
    "timeproperty": Parameter("The temporal property that is compared; observedAt without it.",
                              {"enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]}),
    "timerel": Parameter("The relation in time: only sources of temporal evolutions match.",
                         {"enum": ["before", "after", "between"]}),
    "type": Parameter("Entities of these types (clause 4.17).", _TEXT, "OffStreetParking"),
}  # fmt: skip

_NO_OVERWRITE = Parameter(
    "noOverwrite leaves attributes alone that exist.",
    {"type": "array", "items": {"enum": ["noOverwrite"]}, "minItems": 1},
    ["noOverwrite"],
)
_BATCH_UPDATE_OPTIONS = Parameter(
    "noOverwrite leaves attributes alone that exist; replace and update name what is done anyhow.",
    {
        "type": "array",
        "items": {"enum": ["noOverwrite", "replace", "update"]},
        "minItems": 1,
        "maxItems": 1,
    },
    ["noOverwrite"],
)
_MERGE_OPTIONS = Parameter(
    "The body is in the simplified representation.",
    {"type": "array", "items": _SIMPLIFIED, "minItems": 1, "maxItems": 1},
)
_SYS_ATTRS = Parameter(
    "sysAttrs adds createdAt and modifiedAt.",
    {"type": "array", "items": {"enum": ["sysAttrs"]}, "minItems": 1},
    ["sysAttrs"],
)
_OF_ONE = Parameter("The operation is carried out if the entity is of these types.", _TEXT,
                    "OffStreetParking")  # fmt: skip

SPECIAL: dict[tuple[str, str], Parameter] = {
    ("purgeSnapshots", "q"): Parameter(
        "Which snapshots go: a condition on members of the data type Snapshot (clause 5.16.7).",
        _TEXT,
        "snapshotPriority<5",
    ),
    ("appendAttributes", "options"): _NO_OVERWRITE,
    ("updateEntities", "options"): _BATCH_UPDATE_OPTIONS,
    ("upsertEntities", "options"): Parameter(
        "Existing entities are replaced, or only their given attributes updated.",
        {
            "type": "array",
            "items": {"enum": ["replace", "update"]},
            "minItems": 1,
            "maxItems": 1,
        },
        ["update"],
    ),
    ("mergeEntity", "options"): _MERGE_OPTIONS,
    ("mergeEntity", "format"): Parameter("The representation of the body.", _SIMPLIFIED),
    ("mergeEntity", "lang"): Parameter("The language of text given for LanguageProperties.", _TEXT),
    ("mergeEntities", "options"): _MERGE_OPTIONS,
    ("mergeEntities", "lang"): Parameter(
        "The language of text given for LanguageProperties.", _TEXT
    ),
    ("deleteAttribute", "datasetId"): Parameter("The instance that goes.", _URI),
    ("querySubscriptions", "options"): _SYS_ATTRS,
    ("queryRegistrationSubscriptions", "options"): _SYS_ATTRS,
    ("retrieveRegistrationSubscription", "options"): _SYS_ATTRS,
    ("queryRegistrations", "options"): _SYS_ATTRS,
    ("retrieveRegistration", "options"): _SYS_ATTRS,
    ("queryRegistrations", "csf"): Parameter(
        "A condition on members of the registration, in the language of q (clause 4.9).",
        _TEXT,
        'endpoint=="http://broker.example.org:1026"',
    ),
    ("queryRegistrations", "datasetId"): Parameter(
        "Registrations that have one of these datasetIds, or none of their own.", _LIST
    ),
    ("queryRegistrations", "geometryProperty"): Parameter(
        "Changes nothing: registrations are not given as GeoJSON.", _TEXT
    ),
    ("queryRegistrations", "lang"): Parameter(
        "Changes nothing: registrations have no text in several languages.", _TEXT
    ),
    ("queryRegistrations", "omit"): Parameter(
        "Changes nothing: it is about entities in an answer.", _TEXT
    ),
    ("queryRegistrations", "pick"): Parameter(
        "Attributes asked for, which the registrations have to offer one of.", _TEXT
    ),
    ("retrieveSubscription", "options"): _SYS_ATTRS,
    **{
        (operation, "type"): _OF_ONE
        for operation in (
            "retrieveEntity",
            "deleteEntity",
            "mergeEntity",
            "replaceEntity",
            "appendAttributes",
            "updateAttributes",
            "partialAttributeUpdate",
            "deleteAttribute",
            "replaceAttribute",
        )
    },
}
"""What a parameter means to one operation, where that differs from what it means elsewhere."""

HEADERS: dict[str, Parameter] = {
    SNAPSHOT_HEADER: Parameter("The snapshot the request is about (clause 6.3.22).", _URI),
    "NGSILD-EntityMap": Parameter(
        "The entity map to use, as the answer that made it named it (Table 6.4.3.2-2).", _TEXT
    ),
    TENANT_HEADER: Parameter(
        "The tenant; without it, the default one (clause 6.3.14).",
        {"type": "string", "pattern": "^[A-Za-z0-9_.:-]+$"},
    ),
    "Link": Parameter(
        f"Where the @context is (clause 6.3.5): `{context_link('URL')}`.",
        _TEXT,
    ),
    "If-Match": Parameter("Only if the entity is at one of these versions (ETag), or *.", _TEXT),
    "If-None-Match": Parameter("Only if the entity is at none of these versions (ETag).", _TEXT),
    "Idempotency-Key": Parameter(
        "The request may come again within 24 hours: it is applied once and answered the same.",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
    ),
    "Prefer": Parameter(
        "`ngsi-ld=1.5`: entities as that version of the standard knew them (clause 4.3.6.8), told "
        "by Preference-Applied. `body=json`: the @context of GeoJSON by Link (clause 6.3.6).",
        _TEXT,
    ),
}
