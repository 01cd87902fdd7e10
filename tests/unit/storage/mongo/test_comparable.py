"""What queries compare is stored under one name for every kind of attribute, and read back."""

import pytest

from broker.query.targets import target_value
from broker.storage.mongo.documents import decode_instances, encode_instances

INSTANCES = [
    {"type": "Property", "value": 3},
    {"type": "Property", "value": {"a.b": [1, {"$x": "y"}]}},
    {"type": "Relationship", "object": "urn:a:1", "objectType": "https://e.org/T"},
    {"type": "Relationship", "object": ["urn:a:1", "urn:a:2"]},
    {"type": "VocabProperty", "vocab": "https://e.org/v"},
    {"type": "JsonProperty", "json": {"value": {"deep": None}}},
    {"type": "ListProperty", "valueList": [1, [2, 3]]},
    {"type": "LanguageProperty", "languageMap": {"en": "red", "fr": ["rouge", "chat"]}},
    {"type": "ListRelationship", "objectList": [{"object": "urn:a:1"}, {"object": "urn:a:2"}]},
]


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance["type"])
def test_every_kind_comes_back_as_given(instance):
    assert decode_instances(encode_instances([instance])) == [instance]
    nested = {"type": "Property", "value": 1, "https://e.org/sub": [instance]}
    assert decode_instances(encode_instances([nested])) == [nested]


@pytest.mark.parametrize(
    "instance",
    [instance for instance in INSTANCES if not isinstance(instance.get("value"), dict)],
    ids=lambda instance: instance["type"],
)
def test_the_stored_value_is_what_queries_compare(instance):
    assert encode_instances([instance])["value"] == target_value(instance)


def test_times_stand_beside_the_value_in_the_form_that_compares():
    dates = {"type": "ListProperty", "valueList": ["2026-01-01", 1, "2026-01-02T00:00:00,5Z"]}
    stored = encode_instances([dates])
    assert stored["~t"] == ["2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.500000Z"]
    assert decode_instances(stored) == [dates]
