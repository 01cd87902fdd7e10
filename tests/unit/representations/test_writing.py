from typing import Any

import pytest

from broker.model.entity import NULL, Entity
from broker.model.patching import create_entity
from broker.representations.geojson import (
    LOCATION,
    as_feature,
    geometry_of,
    write_feature_collection,
)
from broker.representations.languages import parse_languages
from broker.representations.options import DEFAULT_OPTIONS, RepresentationOptions
from broker.representations.reading import read_entity
from broker.representations.selection import attrs_selection, parse_selection
from broker.representations.writing import write_entity

T0 = "2026-01-01T00:00:00.000000Z"
SOON = "2999-01-01T00:00:00Z"
POINT = {"type": "Point", "coordinates": [135.19, 34.69]}
VEHICLE = {
    "id": "urn:ngsi-ld:Vehicle:A4567",
    "type": "Vehicle",
    "brandName": {"type": "Property", "value": "Mercedes"},
    "street": {
        "type": "LanguageProperty",
        "languageMap": {"fr": "Grand Place", "nl": "Grote Markt"},
    },
    "isParked": {
        "type": "Relationship",
        "objectType": "OffStreetParking",
        "object": "urn:ngsi-ld:OffStreetParking:Downtown1",
        "observedAt": "2017-07-29T12:00:04Z",
        "providedBy": {"type": "Relationship", "object": "urn:ngsi-ld:Person:Bob"},
    },
    "category": {"type": "VocabProperty", "vocab": "non-commercial"},
    "tyreTreadDepths": {
        "type": "ListProperty",
        "valueList": [300, 300, 120, 6],
        "valueType": "Integer",
        "unitCode": "MMT",
    },
    "passengers": {
        "type": "Relationship",
        "objectType": "Person",
        "object": ["urn:ngsi-ld:Person:Alice", "urn:ngsi-ld:Person:Bob"],
    },
    "route": {
        "type": "ListRelationship",
        "objectType": "City",
        "objectList": [
            {"object": "urn:ngsi-ld:City:Antwerp"},
            {"object": "urn:ngsi-ld:City:Ghent"},
        ],
    },
    "ticket": {"type": "JsonProperty", "json": {"id": "x", "type": None}},
}
"""The vehicle of annex C.2.2, with a JsonProperty."""


def written_attribute(instances, terms, options=DEFAULT_OPTIONS):
    alone = Entity("urn:a:1", ("https://e.org/T",), {"https://e.org/x": instances})
    return write_entity(alone, terms, options)[terms.compact("https://e.org/x")]


def written_feature(stored, terms, options=DEFAULT_OPTIONS, geometry_property=LOCATION):
    geometry = geometry_of(stored, options, geometry_property)
    return as_feature(write_entity(stored, terms, options), geometry)


@pytest.fixture
def entity(terms):
    def make(body: dict[str, Any]):
        return create_entity(read_entity(body, terms))(None, T0).entity

    return make


def write(entity, terms, **options: Any) -> dict[str, Any]:
    return write_entity(entity, terms, RepresentationOptions(**options))


def test_normalized(entity, terms):
    assert write_entity(entity(VEHICLE), terms) == VEHICLE


def test_concise(entity, terms):
    assert write(entity(VEHICLE), terms, form="concise") == {
        "id": "urn:ngsi-ld:Vehicle:A4567",
        "type": "Vehicle",
        "brandName": "Mercedes",
        "street": {"languageMap": {"fr": "Grand Place", "nl": "Grote Markt"}},
        "isParked": {
            "object": "urn:ngsi-ld:OffStreetParking:Downtown1",
            "objectType": "OffStreetParking",
            "observedAt": "2017-07-29T12:00:04Z",
            "providedBy": {"object": "urn:ngsi-ld:Person:Bob"},
        },
        "category": {"vocab": "non-commercial"},
        "tyreTreadDepths": {
            "valueList": [300, 300, 120, 6],
            "valueType": "Integer",
            "unitCode": "MMT",
        },
        "passengers": {
            "objectType": "Person",
            "object": ["urn:ngsi-ld:Person:Alice", "urn:ngsi-ld:Person:Bob"],
        },
        "route": {
            "objectType": "City",
            "objectList": ["urn:ngsi-ld:City:Antwerp", "urn:ngsi-ld:City:Ghent"],
        },
        "ticket": {"json": {"id": "x", "type": None}},
    }


def test_simplified(entity, terms):
    assert write(entity(VEHICLE), terms, form="simplified") == {
        "id": "urn:ngsi-ld:Vehicle:A4567",
        "type": "Vehicle",
        "brandName": "Mercedes",
        "street": {"languageMap": {"fr": "Grand Place", "nl": "Grote Markt"}},
        "isParked": "urn:ngsi-ld:OffStreetParking:Downtown1",
        "category": {"vocab": "non-commercial"},
        "tyreTreadDepths": [300, 300, 120, 6],
        "passengers": ["urn:ngsi-ld:Person:Alice", "urn:ngsi-ld:Person:Bob"],
        "route": ["urn:ngsi-ld:City:Antwerp", "urn:ngsi-ld:City:Ghent"],
        "ticket": {"json": {"id": "x", "type": None}},
    }


@pytest.mark.parametrize(
    ("attribute", "concise"),
    [
        ({"type": "GeoProperty", "value": POINT}, POINT),
        ({"type": "Property", "value": POINT}, {"type": "Property", "value": POINT}),
        ({"type": "Property", "value": {"type": "x"}}, {"value": {"type": "x"}}),
        ({"type": "Property", "value": {"object": "x"}}, {"value": {"object": "x"}}),
        ({"type": "Property", "value": {"unitCode": "x"}}, {"value": {"unitCode": "x"}}),
        ({"type": "Property", "value": [{"value": 1}]}, {"value": [{"value": 1}]}),
        ({"type": "Property", "value": [1, 2]}, [1, 2]),
        (
            {"type": "Property", "value": {"@type": "@json", "@value": None}},
            {"@type": "@json", "@value": None},
        ),
        ({"type": "Property", "value": {}}, {}),
    ],
)
def test_what_is_concise_reads_back_as_what_it_was(entity, terms, attribute, concise):
    stored = entity({"id": "urn:a:1", "type": "T", "x": attribute})
    written = write(stored, terms, form="concise")
    assert written["x"] == concise
    assert (
        read_entity(written, terms).attributes
        == read_entity({"id": "urn:a:1", "type": "T", "x": attribute}, terms).attributes
    )


@pytest.mark.parametrize(
    "instance",
    [
        {"type": "Property", "value": NULL},
        {"type": "Relationship", "object": NULL},
        {"type": "LanguageProperty", "languageMap": {"@none": NULL}},
        {"type": "ListRelationship", "objectList": [{"object": NULL}]},
        {"type": "ListProperty", "valueList": [NULL]},
    ],
)
def test_a_deleted_attribute_is_shown_by_a_null(terms, instance):
    concise = RepresentationOptions(form="concise")
    assert written_attribute([instance], terms) == instance
    assert written_attribute([instance], terms, concise) == NULL
    shown = written_attribute([{**instance, "deletedAt": T0}], terms, concise)
    assert shown["deletedAt"] == T0
    (member,) = set(shown) - {"deletedAt"}
    assert NULL in str(shown[member])


def test_previous_values_are_shown_like_values(terms):
    route = {
        "type": "ListRelationship",
        "objectList": [],
        "previousObjectList": [{"object": "x:y"}],
    }
    assert written_attribute([route], terms) == route
    assert written_attribute([route], terms, RepresentationOptions(form="concise")) == {
        "objectList": [],
        "previousObjectList": ["x:y"],
    }
    museum = {"type": "VocabProperty", "vocab": "x:y", "previousVocab": terms.expand("museum")}
    assert written_attribute([museum], terms)["previousVocab"] == "museum"


MANY = {
    "id": "urn:a:1",
    "type": ["Building", "Tower"],
    "scope": ["/a", "/b"],
    "expiresAt": SOON,
    "speed": [
        {"type": "Property", "value": 55, "expiresAt": SOON},
        {"type": "Property", "value": 11, "datasetId": "urn:d:gps"},
    ],
    "name": {"type": "Property", "value": "x", "datasetId": "urn:d:gps"},
}


def test_several_types_scopes_and_instances(entity, terms):
    stored = entity(MANY)
    assert write(stored, terms) == {
        **{name: member for name, member in MANY.items() if name != "expiresAt"},
        "speed": [
            {"type": "Property", "value": 55},
            {"type": "Property", "value": 11, "datasetId": "urn:d:gps"},
        ],
    }
    assert write(stored, terms, form="concise")["speed"] == [
        {"value": 55},
        {"value": 11, "datasetId": "urn:d:gps"},
    ]
    assert write(stored, terms, form="simplified")["speed"] == {
        "dataset": {"@none": 55, "urn:d:gps": 11}
    }
    assert write(stored, terms, form="simplified")["name"] == "x"
    one = write(entity({"id": "urn:a:1", "type": "T", "scope": ["/a"]}), terms)
    assert one == {"id": "urn:a:1", "type": "T", "scope": "/a"}


def test_system_attributes_on_request(entity, terms):
    written = write(entity(MANY), terms, sys_attrs=True)
    times = {"createdAt": T0, "modifiedAt": T0}
    assert {name: written[name] for name in ("createdAt", "modifiedAt", "expiresAt")} == {
        **times,
        "expiresAt": SOON,
    }
    assert written["speed"][0] == {"type": "Property", "value": 55, "expiresAt": SOON, **times}
    concise = write(entity(MANY), terms, form="concise", sys_attrs=True)
    assert concise["name"] == {"value": "x", "datasetId": "urn:d:gps", **times}
    assert "expiresAt" not in write(entity(VEHICLE), terms, sys_attrs=True)


def test_datasets_are_selected(entity, terms):
    stored = entity(MANY)
    default = write(stored, terms, dataset_ids=frozenset({"@none"}))
    assert default["speed"] == {"type": "Property", "value": 55}
    assert "name" not in default
    gps = write(stored, terms, form="simplified", dataset_ids=frozenset({"urn:d:gps"}))
    assert (gps["speed"], gps["name"]) == (11, "x")


def test_pick_and_omit(entity, terms):
    stored = entity(MANY)
    pick = parse_selection("id,speed", terms)
    assert set(write(stored, terms, pick=pick)) == {"id", "speed"}
    omit = parse_selection("type|scope,speed", terms)
    assert set(write(stored, terms, omit=omit)) == {"id", "name"}
    assert set(write(stored, terms, pick=pick, sys_attrs=True)) == {"id", "speed"}
    assert set(write(stored, terms, omit=parse_selection("speed{name}", terms))) == set(
        write(stored, terms)
    )
    attrs = attrs_selection(["speed"], terms)
    assert set(write(stored, terms, pick=attrs)) == {"id", "type", "scope", "speed"}
    assert "createdAt" in write(stored, terms, pick=attrs, sys_attrs=True)


def test_a_language_is_chosen(entity, terms):
    stored = entity(VEHICLE)
    french = parse_languages("fr")
    street = {"type": "Property", "value": "Grand Place", "lang": "fr"}
    assert write(stored, terms, languages=french)["street"] == street
    assert write(stored, terms, form="concise", languages=french)["street"] == {
        "value": "Grand Place",
        "lang": "fr",
    }
    assert write(stored, terms, form="simplified", languages=french)["street"] == "Grand Place"
    nested = {
        "value": 1,
        "note": {**VEHICLE["street"], "observedAt": T0, "valueType": "langString"},
    }
    written = write(entity({"id": "urn:a:1", "type": "T", "x": nested}), terms, languages=french)
    assert written["x"]["note"] == {**street, "observedAt": T0}


# ------------------------------------------------------------------------------------ GeoJSON

PLACE = {
    "id": "urn:a:1",
    "type": "Place",
    "location": [
        {"type": "GeoProperty", "value": POINT},
        {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [1, 2]},
            "datasetId": "urn:d:1",
        },
        {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [3, 4]},
            "datasetId": "urn:d:2",
        },
    ],
    "name": {"type": "Property", "value": "Kobe"},
    "entrance": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [5, 6]}},
}


def test_a_feature(entity, terms):
    stored = entity(PLACE)
    properties = {name: member for name, member in PLACE.items() if name != "id"}
    feature = {"id": "urn:a:1", "type": "Feature", "geometry": POINT, "properties": properties}
    assert written_feature(stored, terms) == feature
    assert write_feature_collection([feature]) == {
        "type": "FeatureCollection",
        "features": [feature],
    }
    simplified = written_feature(stored, terms, RepresentationOptions(form="simplified"))
    assert simplified["properties"]["name"] == "Kobe"
    assert simplified["geometry"] == POINT


def test_the_geometry_of_a_feature(entity, terms):
    stored = entity(PLACE)
    assert written_feature(stored, terms, geometry_property=terms.expand("entrance"))[
        "geometry"
    ] == {
        "type": "Point",
        "coordinates": [5, 6],
    }
    for name in ("name", "nothing"):
        assert (
            written_feature(stored, terms, geometry_property=terms.expand(name))["geometry"] is None
        )
    second = RepresentationOptions(dataset_ids=frozenset({"urn:d:2"}))
    assert geometry_of(stored, second) == {"type": "Point", "coordinates": [3, 4]}
    both = RepresentationOptions(dataset_ids=frozenset({"urn:d:2", "@none"}))
    assert geometry_of(stored, both) == POINT
    none = RepresentationOptions(dataset_ids=frozenset({"urn:d:3"}))
    assert geometry_of(stored, none) is None
    only = {**PLACE, "location": PLACE["location"][1:]}
    assert geometry_of(entity(only), RepresentationOptions()) is None


def test_a_feature_without_its_id(entity, terms):
    options = RepresentationOptions(omit=parse_selection("id,location", terms))
    feature = written_feature(entity(PLACE), terms, options)
    assert "id" not in feature
    assert feature["geometry"] == POINT
    assert "location" not in feature["properties"]
    assert as_feature({}, None) == {"type": "Feature", "geometry": None, "properties": {}}


def test_raw_json_is_never_taken_for_a_deletion(terms):
    concise = RepresentationOptions(form="concise")
    written = written_attribute([{"type": "JsonProperty", "json": [NULL]}], terms, concise)
    assert written == {"json": [NULL]}
