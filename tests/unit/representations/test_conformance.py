import pytest
from hypothesis import given

from broker.model.entity import NULL, Entity
from broker.representations.conformance import CURRENT, after_conforming, conformant, conforming_to
from broker.representations.languages import parse_languages
from broker.representations.options import RepresentationOptions
from broker.representations.reading import read_entity
from broker.representations.writing import write_entity
from tests.entities import entities

BODY = {
    "id": "urn:a:1",
    "type": ["Building", "City"],
    "scope": "/a",
    "expiresAt": "2999-01-01T00:00:00Z",
    "p": {
        "type": "Property",
        "value": 1,
        "unitCode": "CEL",
        "valueType": "Integer",
        "observedAt": "2026-01-01T00:00:00Z",
        "expiresAt": "2999-01-01T00:00:00Z",
        "note": {"type": "LanguageProperty", "languageMap": {"en": "x"}},
    },
    "many": [
        {"type": "Property", "value": 1, "datasetId": "urn:d:1"},
        {"type": "Property", "value": 2},
    ],
    "r": {"type": "Relationship", "object": "urn:a:2", "objectType": "City"},
    "json": {"type": "JsonProperty", "json": {"a": None}},
    "vocabulary": {"type": "VocabProperty", "vocab": "museum"},
    "list": {"type": "ListProperty", "valueList": [1, 2]},
    "route": {"type": "ListRelationship", "objectList": [{"object": "urn:a:2"}]},
}
BODY["data"] = BODY.pop("json")


def shown(terms, version):
    return write_entity(conforming_to(read_entity(BODY, terms), version), terms)


def test_the_present_version_changes_nothing(terms):
    entity = read_entity(BODY, terms)
    assert conforming_to(entity, CURRENT) is entity
    assert conforming_to(entity, (1, 10)) is entity


def test_before_1_9_nothing_was_transient(terms):
    entity = conforming_to(read_entity(BODY, terms), (1, 8))
    assert entity.expires_at is None
    body = shown(terms, (1, 8))
    assert "valueType" not in body["p"]
    assert all("expiresAt" not in p for (p, *_) in entity.attributes.values())
    assert body["r"]["objectType"] == "City"
    assert body["data"]["type"] == "JsonProperty"


def test_before_1_8_there_were_fewer_types(terms):
    body = shown(terms, (1, 5))
    assert body["data"] == {"type": "Property", "value": {"a": None}}
    assert body["vocabulary"] == {"type": "Property", "value": terms.expand("museum")}
    assert body["list"] == {"type": "Property", "value": [1, 2]}
    assert body["route"] == {"type": "Relationship", "object": ["urn:a:2"]}
    assert body["r"] == {"type": "Relationship", "object": "urn:a:2"}
    assert body["p"]["note"]["type"] == "LanguageProperty"
    assert body["scope"] == "/a"


def test_before_1_4_there_were_no_languages_and_scopes(terms):
    body = shown(terms, (1, 3))
    assert body["p"]["note"] == {"type": "Property", "value": {"en": "x"}}
    assert "scope" not in body
    assert body["type"] == ["Building", "City"]
    assert len(body["many"]) == 2


def test_before_1_3_there_was_one_of_everything(terms):
    body = shown(terms, (1, 0))
    assert body["type"] == "Building"
    assert body["many"] == {"type": "Property", "value": 2}
    assert set(body["p"]) == {"type", "value", "note"}


@pytest.mark.parametrize("version", [(1, 0), (1, 3), (1, 5), (1, 8)])
@given(body=entities())
def test_what_conforms_needs_no_change(version, body, terms):
    entity = conforming_to(read_entity(body, terms), version)
    assert conforming_to(entity, version) == entity
    kinds = str(write_entity(entity, terms).values())
    assert version >= (1, 8) or "'type': 'List" not in kinds


@pytest.mark.parametrize(
    ("wanted", "possible"),
    [((1, 5), (1, 5)), ((1, 9), (1, 9)), ((1, 10), (1, 9)), ((2, 0), (1, 9)), ((0, 9), (1, 0))],
)
def test_answers_conform_to_the_nearest_version_there_is(wanted, possible):
    assert conformant(wanted) == possible


def test_instances_are_chosen_before_what_they_are_chosen_by_goes(terms):
    entity = read_entity(BODY, terms)
    options = RepresentationOptions(dataset_ids=frozenset({"urn:d:1"}))
    shown = write_entity(conforming_to(entity, (1, 0), options), terms, after_conforming(options))
    assert shown == {"id": "urn:a:1", "type": "Building", "many": {"type": "Property", "value": 1}}


def test_a_language_is_chosen_before_the_map_of_them_goes(terms):
    entity = read_entity(BODY, terms)
    options = RepresentationOptions(languages=parse_languages("en"))
    shown = write_entity(conforming_to(entity, (1, 3), options), terms, options)
    assert shown["p"]["note"] == {"type": "Property", "value": "x", "lang": "en"}


def test_what_was_before_takes_the_earlier_name_and_a_deletion_its_null():
    name = "https://e.org/a"
    entity = Entity(
        "urn:a:1",
        ("https://e.org/T",),
        attributes={
            f"{name}1": [{"type": "VocabProperty", "vocab": "b", "previousVocab": "a"}],
            f"{name}2": [{"type": "LanguageProperty", "languageMap": {"@none": NULL}}],
            f"{name}3": [
                {
                    "type": "ListRelationship",
                    "objectList": [{"object": NULL}],
                    "previousObjectList": [{"object": "urn:a:2"}],
                }
            ],
        },
    )
    assert conforming_to(entity, (1, 0)).attributes == {
        f"{name}1": [{"type": "Property", "value": "b", "previousValue": "a"}],
        f"{name}2": [{"type": "Property", "value": NULL}],
        f"{name}3": [{"type": "Relationship", "object": NULL, "previousObject": ["urn:a:2"]}],
    }
