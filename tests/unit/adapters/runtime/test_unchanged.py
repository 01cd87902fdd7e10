import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.runtime.unchanged import is_unchanged

HELD = {
    "id": "urn:a",
    "type": "Sensor",
    "temperature": {
        "type": "Property",
        "value": 21.5,
        "unitCode": "CEL",
        "observedAt": "2026-01-01T00:00:00Z",
        "accuracy": {"type": "Property", "value": 0.5},
    },
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [138.3, 34.9]}},
    "owner": {"type": "Relationship", "object": "urn:b"},
    "names": [
        {"type": "Property", "value": "x"},
        {"type": "Property", "value": "y", "datasetId": "urn:d"},
    ],
}
CONCISE = {
    "id": "urn:a",
    "type": ["Sensor"],
    "temperature": {
        "value": 21.5,
        "unitCode": "CEL",
        "observedAt": "2026-01-01T00:00:00Z",
        "accuracy": 0.5,
    },
    "location": {"type": "Point", "coordinates": [138.3, 34.9]},
    "owner": {"object": "urn:b"},
    "names": [{"value": "y", "datasetId": "urn:d"}, {"value": "x"}],
}


def changed(**attributes):
    return {**CONCISE, **attributes}


@pytest.mark.parametrize("mode", ["update", "replace", "merge"])
def test_concise_and_normalized_form_are_the_same(mode):
    assert is_unchanged(CONCISE, HELD, mode)
    assert is_unchanged(HELD, HELD, mode)


@pytest.mark.parametrize("mode", ["update", "replace", "merge"])
@pytest.mark.parametrize(
    "entity",
    [
        changed(temperature={"value": 21.6, "unitCode": "CEL"}),
        changed(temperature={"value": 21.5, "unitCode": "FAH"}),
        changed(humidity=5),
        changed(owner={"object": "urn:c"}),
        changed(type=["Sensor", "Device"]),
        changed(location={"type": "Point", "coordinates": [138.3, 34.8]}),
        changed(names=[{"value": "z", "datasetId": "urn:d"}]),
    ],
)
def test_differences_are_seen(entity, mode):
    assert not is_unchanged(entity, HELD, mode)


@pytest.mark.parametrize("mode", ["update", "replace", "merge"])
@pytest.mark.parametrize(
    ("held", "new"), [(1, True), ([0], [False]), ({"open": 0}, {"open": False})]
)
def test_a_number_that_becomes_a_boolean_is_a_difference(held, new, mode):
    before = {"id": "urn:a", "type": "T", "state": {"type": "Property", "value": held}}
    assert not is_unchanged({"id": "urn:a", "type": "T", "state": {"value": new}}, before, mode)


def test_an_update_looks_only_at_what_it_brings():
    part = {"id": "urn:a", "type": "Sensor", "owner": {"object": "urn:b"}}
    assert is_unchanged(part, HELD, "update")
    assert not is_unchanged(part, HELD, "replace")


def test_an_update_replaces_whole_attributes_and_a_merge_only_members():
    part = {"id": "urn:a", "type": "Sensor", "temperature": {"value": 21.5}}
    assert not is_unchanged(part, HELD, "update")
    assert is_unchanged(part, HELD, "merge")


json_values = st.recursive(
    st.integers() | st.text() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex("[a-z]{3,6}", fullmatch=True), json_values, max_size=4))
def test_every_entity_is_unchanged_by_itself(attributes):
    names = {n: {"type": "Property", "value": v} for n, v in attributes.items() if n != "type"}
    entity = {"id": "urn:a", "type": "T", **names}
    assert is_unchanged(entity, entity, "replace")
