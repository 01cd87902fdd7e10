from typing import Any

import pytest

from broker.model.entity import NULL
from broker.model.errors import BadRequestData
from broker.representations.reader import DEEPEST_ATTRIBUTE, DEEPEST_VALUE
from broker.representations.reading import (
    read_entity,
)

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
TEMPERATURE = "https://example.org/vocab#temperature"
POINT = {"type": "Point", "coordinates": [135.19, 34.69]}


def entity_with(attribute: Any, name: str = "temperature") -> dict[str, Any]:
    return {"id": "urn:ngsi-ld:Building:1", "type": "Building", name: attribute}


def instances_of(terms: Any, attribute: Any, name: str = "temperature") -> list[dict[str, Any]]:
    (instances,) = read_entity(entity_with(attribute, name), terms).attributes.values()
    return instances


def test_an_entity_is_expanded(terms):
    entity = read_entity(
        {
            "@id": "urn:ngsi-ld:Building:1",
            "@type": ["Building", "Tower", "Building"],
            "@context": "https://example.org/context.jsonld",
            "scope": ["/Kobe/Nada", "Hyogo", "/Kobe/Nada"],
            "expiresAt": "2030-01-01T00:00:00Z",
            "createdAt": "2020-01-01T00:00:00Z",
            "modifiedAt": {"ignored": "whatever it is"},
            "temperature": {"type": "Property", "value": 21.5},
        },
        terms,
    )
    assert entity.id == "urn:ngsi-ld:Building:1"
    assert entity.types == ("https://example.org/vocab#Building", f"{DEFAULT}Tower")
    assert entity.scopes == ("/Kobe/Nada", "Hyogo")
    assert entity.expires_at == "2030-01-01T00:00:00Z"
    assert (entity.created_at, entity.modified_at, entity.version) == ("", "", 0)
    assert entity.attributes == {TEMPERATURE: [{"type": "Property", "value": 21.5}]}


KEPT = [
    ({"type": "Property", "value": 1.0}, None),
    ({"type": "Property", "value": {"a": [1, {"b": "x"}]}, "unitCode": "CEL"}, None),
    ({"type": "Property", "value": {"@type": "@json", "@value": None}}, None),
    ({"type": "GeoProperty", "value": POINT, "observedAt": "2026-01-01T00:00:00.5Z"}, None),
    ({"type": "JsonProperty", "json": {"@context": {"a": "b"}}}, None),
    ({"type": "Property", "value": {"@type": "@json", "@value": {"@context": []}}}, None),
    (
        {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00,5Z"},
        {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00.5Z"},
    ),
    ({"type": "Relationship", "object": ["urn:a:1", "urn:a:2"]}, None),
    ({"type": "LanguageProperty", "languageMap": {"ja": "湖", "@none": ["lake", "loch"]}}, None),
    ({"type": "JsonProperty", "json": [{"id": 1, "none": None, "n": NULL}]}, None),
    ({"type": "ListProperty", "valueList": [1, "a", {"b": True}], "unitCode": "MMT"}, None),
    ({"type": "ListRelationship", "objectList": [{"object": "urn:a:1"}]}, None),
    ({"type": "Property", "value": 1, "datasetId": "urn:d:1"}, None),
    (
        {"type": "Property", "value": 1, "datasetId": "@none"},
        {"type": "Property", "value": 1},
    ),
    (
        {"type": "GeoProperty", "value": '{"type": "Point", "coordinates": [1, 2]}'},
        {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    ),
    (
        {"type": "ListRelationship", "objectList": ["urn:a:1", {"object": "urn:a:2"}]},
        {"type": "ListRelationship", "objectList": [{"object": "urn:a:1"}, {"object": "urn:a:2"}]},
    ),
    (
        {"type": "VocabProperty", "vocab": ["museum", "shop"]},
        {
            "type": "VocabProperty",
            "vocab": ["https://example.org/vocab#museum", f"{DEFAULT}shop"],
        },
    ),
    (
        {"type": "VocabularyProperty", "vocab": "shop"},  # its name in the Core @context 1.7
        {"type": "VocabProperty", "vocab": f"{DEFAULT}shop"},
    ),
    (
        {"type": "Relationship", "object": "urn:a:1", "objectType": ["City", "Town"]},
        {
            "type": "Relationship",
            "object": "urn:a:1",
            "objectType": ["https://example.org/vocab#City", f"{DEFAULT}Town"],
        },
    ),
    (
        {"type": "Property", "value": 1, "valueType": "xsd:double"},
        {
            "type": "Property",
            "value": 1,
            "valueType": "http://www.w3.org/2001/XMLSchema#double",
        },
    ),
    (
        {"type": "LanguageProperty", "languageMap": {"en": "x"}, "valueType": "langString"},
        {
            "type": "LanguageProperty",
            "languageMap": {"en": "x"},
            "valueType": "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString",
        },
    ),
    (
        {"type": "ngsi-ld:Property", "value": 1, "createdAt": "x", "previousValue": 0},
        {"type": "Property", "value": 1},
    ),
    (
        {"type": "Relationship", "object": "urn:a:1", "entity": {"id": "urn:a:1"}},
        {"type": "Relationship", "object": "urn:a:1"},
    ),
    (21.5, {"type": "Property", "value": 21.5}),
    ("text", {"type": "Property", "value": "text"}),
    ([1, {"value": 2}], {"type": "Property", "value": [1, {"value": 2}]}),
    ([], {"type": "Property", "value": []}),
    ({}, {"type": "Property", "value": {}}),
    ({"street": "x", "unitCode": 1}, {"type": "Property", "value": {"street": "x", "unitCode": 1}}),
    (
        {"@type": "DateTime", "@value": "2026-01-01T00:00:00Z"},
        {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-01-01T00:00:00Z"}},
    ),
    (POINT, {"type": "GeoProperty", "value": POINT}),
    (
        {"value": POINT, "unitCode": "MTR"},
        {"type": "GeoProperty", "value": POINT, "unitCode": "MTR"},
    ),
    ({"value": 3, "unitCode": "MTR"}, {"type": "Property", "value": 3, "unitCode": "MTR"}),
    ({"object": "urn:a:1"}, {"type": "Relationship", "object": "urn:a:1"}),
    ({"languageMap": {"en": "x"}}, {"type": "LanguageProperty", "languageMap": {"en": "x"}}),
    ({"json": {"type": 1}}, {"type": "JsonProperty", "json": {"type": 1}}),
    ({"valueList": []}, {"type": "ListProperty", "valueList": []}),
    (
        {"objectList": ["urn:a:1"]},
        {"type": "ListRelationship", "objectList": [{"object": "urn:a:1"}]},
    ),
]


@pytest.mark.parametrize(("written", "stored"), KEPT)
def test_an_attribute_of_each_kind_is_read(terms, written, stored):
    assert instances_of(terms, written) == [stored or written]


def test_types_of_several_instances_may_be_iris(terms):
    one = {"type": "ngsi-ld:Property", "value": 1}
    two = {"type": "https://uri.etsi.org/ngsi-ld/Property", "value": 2, "datasetId": "urn:d:2"}
    body = {"id": "urn:a:1", "type": "Building", "a": [one, two]}
    (instances,) = read_entity(body, terms).attributes.values()
    assert [instance["value"] for instance in instances] == [1, 2]


def test_sub_attributes_are_attributes(terms):
    written = {
        "type": "Property",
        "value": 1,
        "accuracy": 0.5,
        "providedBy": [
            {"type": "Relationship", "object": "urn:a:1"},
            {"type": "Relationship", "object": "urn:a:2", "datasetId": "urn:d:1"},
        ],
        "temperature": {"value": 2, "note": {"languageMap": {"en": "deep"}}},
    }
    (instance,) = instances_of(terms, written)
    assert instance == {
        "type": "Property",
        "value": 1,
        f"{DEFAULT}accuracy": [{"type": "Property", "value": 0.5}],
        f"{DEFAULT}providedBy": [
            {"type": "Relationship", "object": "urn:a:1"},
            {"type": "Relationship", "object": "urn:a:2", "datasetId": "urn:d:1"},
        ],
        TEMPERATURE: [
            {
                "type": "Property",
                "value": 2,
                f"{DEFAULT}note": [{"type": "LanguageProperty", "languageMap": {"en": "deep"}}],
            }
        ],
    }


def test_a_proof_is_carried_as_it_is(terms):
    proof = {
        "type": "Property",
        "entityIdSealed": "urn:ngsi-ld:Building:1",
        "entityTypeSealed": "Building",
        "value": {"@context": ["https://a.org/"], "type": "DataIntegrityProof", "proofValue": "z3"},
    }
    sealed = {**proof, "entityTypeSealed": "https://example.org/vocab#Building"}
    name = "https://uri.etsi.org/ngsi-ld/ngsildproof"
    assert instances_of(terms, proof, "ngsildproof") == [sealed]
    assert instances_of(terms, {"value": 1, "ngsildproof": [proof]}) == [
        {"type": "Property", "value": 1, name: [sealed]}
    ]


REFUSED = [
    # what is written, where the fault is, a word of the explanation
    ({"type": "Property"}, "", "value"),
    ({"type": "Relationship"}, "", "object"),
    ({"type": "LanguageProperty"}, "", "languageMap"),
    ({"observedAt": "2026-01-01T00:00:00Z"}, "", "no value"),
    (None, "", "null"),
    ({"type": "Property", "value": None}, "/value", "null"),
    ({"type": "Property", "value": {"a": [{"b": None}]}}, "/value/a/0/b", "null"),
    ({"type": "Property", "value": NULL}, "/value", "deletes"),
    ({"type": "Property", "value": {"a": {"b": NULL}}}, "/value/a/b", "merged"),
    ({"type": "Property", "value": ["x", NULL]}, "/value/1", "array"),
    ({"type": "Relationship", "object": NULL}, "/object", "URI"),
    ({"type": "LanguageProperty", "languageMap": {"@none": NULL}}, "/languageMap/@none", "merge"),
    (NULL, "", "deletes"),
    ({"type": "Property", "value": 1, "sub": NULL}, "/sub", "deletes"),
    ({"type": "Property", "value": 1, "object": "urn:a:1"}, "/object", "cannot"),
    ({"type": "Property", "value": 1, "languageMap": {"en": "x"}}, "/languageMap", "cannot"),
    ({"type": "Property", "value": 1, "entity": {}}, "/entity", "cannot"),
    ({"type": "Property", "value": 1, "previousObject": "urn:a:1"}, "/previousObject", "cannot"),
    ({"type": "Property", "value": 1, "objectType": "City"}, "/objectType", "cannot"),
    ({"type": "Property", "value": 1, "entityIdSealed": "urn:a:1"}, "/entityIdSealed", "proof"),
    ({"type": "Property", "value": 1, "@context": {}}, "/@context", "cannot"),
    ({"type": "Property", "value": {"@context": {}, "a": 1}}, "/value/@context", "5.5.7"),
    ({"type": "Property", "value": [{"b": {"@context": []}}]}, "/value/0/b/@context", "5.5.7"),
    ({"@context": {"a": "https://example.org/a"}, "a": 1}, "/@context", "5.5.7"),
    ({"type": "Property", "value": 1, "sub": {"a": {"@context": {}}}}, "/sub/a/@context", "5.5.7"),
    ({"type": "Property", "value": 1, "id": "urn:a:1"}, "/id", "cannot"),
    ({"type": "Relationship", "object": "urn:a:1", "unitCode": "MTR"}, "/unitCode", "cannot"),
    ({"type": "Relationship", "object": "urn:a:1", "value": 1}, "/value", "cannot"),
    ({"type": "JsonProperty", "json": {}, "unitCode": "MTR"}, "/unitCode", "cannot"),
    ({"type": "JsonProperty", "json": 5}, "/json", "object or an array"),
    ({"type": "VocabProperty", "vocab": "a", "unitCode": "MTR"}, "/unitCode", "cannot"),
    ({"type": "VocabProperty", "vocab": 5}, "/vocab", "term"),
    ({"type": "VocabProperty", "vocab": []}, "/vocab", "term"),
    ({"type": "VocabProperty", "vocab": ["a", 5]}, "/vocab/1", "term"),
    ({"type": "ListProperty", "valueList": 5}, "/valueList", "array"),
    ({"type": "ListProperty", "valueList": [1], "value": 1}, "/value", "cannot"),
    ({"type": "ListProperty", "valueList": [None]}, "/valueList/0", "null"),
    ({"type": "ListRelationship", "objectList": ["no uri"]}, "/objectList/0", "URI"),
    ({"type": "ListRelationship", "objectList": "urn:a:1"}, "/objectList", "array"),
    (
        {"type": "ListRelationship", "objectList": [{"object": "urn:a:1", "x": 1}]},
        "/objectList/0",
        "single member",
    ),
    ({"type": "Relationship", "object": "not a uri"}, "/object", "URI"),
    ({"type": "Relationship", "object": ["urn:a:1", 5]}, "/object/1", "URI"),
    ({"type": "LanguageProperty", "languageMap": {"en": 5}}, "/languageMap/en", "text"),
    ({"type": "LanguageProperty", "languageMap": {"en": ["a", 5]}}, "/languageMap/en", "text"),
    ({"type": "LanguageProperty", "languageMap": {"": "x"}}, "/languageMap/", "language tag"),
    ({"type": "LanguageProperty", "languageMap": {}}, "/languageMap", "languageMap"),
    (
        {"type": "LanguageProperty", "languageMap": {"en": "x"}, "valueType": "xsd:string"},
        "/valueType",
        "langString",
    ),
    ({"type": "Property", "value": 1, "unitCode": 5}, "/unitCode", "text"),
    ({"type": "Property", "value": 1, "unitCode": NULL}, "/unitCode", "text"),
    ({"type": "Property", "value": 1, "observedAt": "yesterday"}, "/observedAt", "UTC"),
    (
        {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00+02:00"},
        "/observedAt",
        "UTC",
    ),
    (
        {"type": "Property", "value": 1, "observedAt": {"type": "Property", "value": "x"}},
        "/observedAt",
        "DateTime",
    ),
    ({"type": "Property", "value": 1, "expiresAt": "2026-02-30T00:00:00Z"}, "/expiresAt", "UTC"),
    ({"type": "Property", "value": 1, "datasetId": "no uri"}, "/datasetId", "URI"),
    ({"type": "Property", "value": 1, "datasetId": NULL}, "/datasetId", "deleted"),
    ({"type": "Property", "value": 1, "my sub": 1}, "/my sub", "name"),
    (
        {"type": "Property", "value": 1, "ex:a": 1, "https://example.org/vocab#a": 2},
        "/https:~1~1example.org~1vocab#a",
        "twice",
    ),
    ({"type": "Property", "value": 1, "a/b~c": 1}, "/a~1b~0c", "name"),
    ({"type": "Thing", "value": 1}, "/type", "one of Property"),
    ({"type": None, "value": 1}, "/type", "one of Property"),
    ({"type": ["Property"], "value": 1}, "/type", "one of Property"),
    ({"value": 1, "object": "urn:a:1"}, "", "both"),
    ([{"value": 1}, {"value": 2}], "/1", "default instance is given twice"),
    (
        [{"value": 1, "datasetId": "urn:d:1"}, {"value": 2, "datasetId": "urn:d:1"}],
        "/1",
        "urn:d:1 is given twice",
    ),
    ([{"type": "Property", "value": 1}, {"type": "Thing"}], "/1/type", "one of Property"),
    ({"type": "GeoProperty", "value": "no geometry"}, "/value", "GeoJSON"),
    ({"type": "GeoProperty", "value": "[1, 2]"}, "/value", "GeoJSON"),
    ({"type": "GeoProperty", "value": 5}, "/value", "GeoJSON"),
    (
        {"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": []}},
        "/value/type",
        "one of the types",
    ),
    ({"type": "Point", "coordinates": [200, 0]}, "/coordinates/0", "longitude"),
    ({"type": "Point", "coordinates": [34.69, 135.19]}, "/coordinates/1", "longitude comes first"),
    (
        {"type": "Property", "value": 1, "temperature": {"a": {"b": None}}},
        "/temperature/a/b",
        "null",
    ),
]


@pytest.mark.parametrize(("written", "place", "word"), REFUSED)
def test_what_an_attribute_may_not_be_is_refused(terms, written, place, word):
    with pytest.raises(BadRequestData) as refusal:
        read_entity(entity_with(written), terms, at=(3,))
    assert refusal.value.pointer == f"/3/temperature{place}"
    assert refusal.value.attribute_names == ("temperature",)
    assert word in refusal.value.detail
    assert refusal.value.detail.startswith("temperature")


PROOFS = [
    ({"type": "Relationship", "object": "urn:a:1"}, "/type", "Property"),
    ({"value": "text"}, "/value", "object"),
    ({"value": {}, "entityIdSealed": 5}, "/entityIdSealed", "URI"),
    ({"value": {}, "entityTypeSealed": 42}, "/entityTypeSealed", "term"),
]


@pytest.mark.parametrize(("written", "place", "word"), PROOFS)
def test_what_is_no_proof_is_refused(terms, written, place, word):
    with pytest.raises(BadRequestData, match=word) as refusal:
        read_entity(entity_with({"value": 1, "ngsildproof": written}), terms)
    assert refusal.value.pointer == f"/temperature/ngsildproof{place}"


REFUSED_ENTITIES = [
    ({"type": "Building"}, "", "'id'"),
    ({"id": "urn:a:1"}, "", "'type'"),
    ({"id": "no uri", "type": "Building"}, "/id", "URI"),
    ({"id": NULL, "type": "Building"}, "/id", "URI"),
    ({"id": None, "type": "Building"}, "/id", "URI"),
    ({"id": "urn:a:\u202eb", "type": "Building"}, "/id", "URI"),
    ({"id": "urn:a:1", "@id": "urn:a:2", "type": "B"}, "/id", "same member"),
    ({"id": "urn:a:1", "type": "B", "@type": "C"}, "/type", "same member"),
    ({"id": "urn:a:1", "type": "9Building"}, "/type", "name"),
    ({"id": "urn:a:1", "type": ["Building", 5]}, "/type", "name"),
    ({"id": "urn:a:1", "type": []}, "/type", "name"),
    ({"id": "urn:a:1", "type": None}, "/type", "name"),
    ({"id": "urn:a:1", "type": "type"}, "/type", "cannot"),
    ({"id": "urn:a:1", "type": "B", "scope": "9bad"}, "/scope", "scope"),
    ({"id": "urn:a:1", "type": "B", "scope": ["/ok", "/a//b"]}, "/scope", "scope"),
    ({"id": "urn:a:1", "type": "B", "scope": NULL}, "/scope", "scope"),
    ({"id": "urn:a:1", "type": "B", "expiresAt": "soon"}, "/expiresAt", "DateTime"),
    ({"id": "urn:a:1", "type": "B", "my attr": 1}, "/my attr", "name"),
    ({"id": "urn:a:1", "type": "B", "datasetId": 1}, "/datasetId", "reserved"),
    ({"id": "urn:a:1", "type": "B", "instanceId": {"value": 1}}, "/instanceId", "reserved"),
    ({"id": "urn:a:1", "type": "B", "observedAt": {"value": 1}}, "/observedAt", "reserved"),
    ({"id": "urn:a:1", "type": "B", "location": 7}, "/location", "GeoProperty"),
    (
        {
            "id": "urn:a:1",
            "type": "B",
            "temperature": 1,
            "https://example.org/vocab#temperature": 2,
        },
        "/https:~1~1example.org~1vocab#temperature",
        "twice",
    ),
    ([], "", "JSON object"),
    ("text", "", "JSON object"),
]


@pytest.mark.parametrize(("body", "place", "word"), REFUSED_ENTITIES)
def test_what_an_entity_may_not_be_is_refused(terms, body, place, word):
    with pytest.raises(BadRequestData) as refusal:
        read_entity(body, terms)
    assert refusal.value.pointer == place
    assert word in refusal.value.detail


def nested(depth: int, inside: Any, wrap: Any) -> Any:
    for _ in range(depth):
        inside = wrap(inside)
    return inside


def test_attributes_are_nested_up_to_a_limit(terms):
    def with_attribute(inside: Any) -> dict[str, Any]:
        return {"value": 1, "sub": inside}

    read_entity(entity_with(nested(DEEPEST_ATTRIBUTE, {"value": 1}, with_attribute)), terms)
    with pytest.raises(BadRequestData, match=f"deeper than {DEEPEST_ATTRIBUTE} levels"):
        read_entity(entity_with(nested(DEEPEST_ATTRIBUTE + 1, {"value": 1}, with_attribute)), terms)


@pytest.mark.parametrize("member", ["value", "json"])
@pytest.mark.parametrize("wrap", [lambda inside: [inside], lambda inside: {"a": inside}])
def test_values_are_nested_up_to_a_limit(terms, member, wrap):
    read_entity(entity_with({member: nested(DEEPEST_VALUE, 1, wrap)}), terms)
    with pytest.raises(BadRequestData, match=f"deeper than {DEEPEST_VALUE} levels"):
        read_entity(entity_with({member: nested(DEEPEST_VALUE + 1, 1, wrap)}), terms)


def test_a_body_of_any_depth_is_refused_rather_than_overflowing_the_stack(terms):
    value: Any = 1
    for _ in range(900):
        value = [value]
    with pytest.raises(BadRequestData, match="nested deeper"):
        read_entity(entity_with({"value": value}), terms)
    attribute: Any = {"value": 1}
    for _ in range(300):
        attribute = {"value": 1, "sub": attribute}
    with pytest.raises(BadRequestData, match="nested deeper"):
        read_entity(entity_with(attribute), terms)


def test_other_members_of_a_geometry_are_checked_like_any_value(terms):
    geometry = {**POINT, "bbox": [0, 0, 1, 1]}
    assert instances_of(terms, geometry) == [{"type": "GeoProperty", "value": geometry}]
    with pytest.raises(BadRequestData, match="null"):
        instances_of(terms, {"type": "GeoProperty", "value": {**POINT, "crs": None}})
