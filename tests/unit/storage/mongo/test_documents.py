"""The stored shape gives back what went in, and the feed's view of a group is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.changes import AttributeChange, Change
from broker.model.draft import created
from broker.model.entity import Entity
from broker.storage.mongo.documents import (
    decode_change,
    decode_entity,
    decode_value,
    encode_change,
    encode_entity,
    encode_update,
    encode_value,
    escape,
    records_between,
    unescape,
)

NAME = "https://example.org/v1.0/temp$erature%"
GROUP = b"a group"
T1 = "2026-01-01T00:00:00.000001Z"
T2 = "2026-01-02T00:00:00.000000Z"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def entity(version, **attributes):
    return Entity(
        id="urn:x:1",
        types=("https://example.org/T",),
        attributes={f"https://example.org/{name}": value for name, value in attributes.items()},
        created_at=T1,
        modified_at=T1,
        version=version,
    )


def prop(value, **members):
    return {"type": "Property", "value": value, **members}


@given(st.text(max_size=20))
def test_any_name_survives(name):
    stored = escape(name)
    assert unescape(stored) == name
    assert not set(stored) & set(".$\0")


@given(json_values)
def test_any_json_value_survives(value):
    assert decode_value(encode_value(value)) == value


@given(json_values)
def test_an_entity_survives_with_every_kind_of_member(value):
    instance = prop(
        value,
        unitCode="CEL",
        observedAt="2026-01-01T00:00:00Z",
        datasetId="urn:d:1",
    )
    instance["https://example.org/accuracy"] = [prop(0.5)]
    given_entity = entity(3, temperature=[prop(2**70), instance]).evolve(scopes=("/a",))
    given_entity = given_entity.evolve(attributes={**given_entity.attributes, NAME: [prop(1)]})
    document = encode_entity(given_entity)
    assert decode_entity(document) == given_entity


def test_derived_members_hold_what_compares():
    place = {"type": "Point", "coordinates": [139.7, 35.6, 12.5]}
    document = encode_entity(
        entity(
            1,
            seen=[prop("2026-01-01T00:00:00Z", observedAt="2026-01-01T00:00:00,5Z")],
            place=[{"type": "GeoProperty", "value": place}],
        )
    )
    seen = document["a"][escape("https://example.org/seen")]
    assert seen["~t"] == "2026-01-01T00:00:00.000000Z"
    assert seen["~o"] == "2026-01-01T00:00:00.500000Z"
    stored_place = document["a"][escape("https://example.org/place")]
    assert stored_place["~g"] == {"type": "Point", "coordinates": [139.7, 35.6]}
    assert stored_place["value"] == place


def test_a_geometry_the_index_would_refuse_is_kept_out_of_it():
    crossing = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    document = encode_entity(entity(1, place=[{"type": "GeoProperty", "value": crossing}]))
    stored = document["a"][escape("https://example.org/place")]
    assert stored["value"] == crossing
    assert "~g" not in stored


def test_a_change_record_survives():
    change = Change(
        "urn:x:1",
        ("https://example.org/T",),
        7,
        "entityUpdated",
        T1,
        {NAME: AttributeChange([prop(1)], [prop(2), prop(3, datasetId="urn:d:1")])},
        types_before=("https://example.org/S",),
        scopes=("/a",),
        scopes_before=(),
        expires_at="2027-01-01T00:00:00Z",
    )
    assert decode_change(encode_change(change, GROUP)) == change


def test_an_instance_is_encoded_once_for_its_entity_and_its_change():
    several = [prop(1, datasetId="urn:d:1"), prop([1, {"a.b": 2}])]
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [139.7, 35.6]}}
    given_entity = entity(0, room=[prop("a")], several=several, place=[place])
    made = created(given_entity, T1, 1)
    encoded: dict = {}
    record = encode_change(made.change, GROUP, encoded)
    document = encode_entity(made.entity, encoded)
    assert document == encode_entity(made.entity)
    for name, change in record["a"].items():
        stored = document["a"][name]
        instances = stored if isinstance(stored, list) else [stored]
        assert all(one is other for one, other in zip(change["a"], instances, strict=True))


attributes = st.dictionaries(
    st.sampled_from(("a", "b", "c.d")),
    st.lists(st.builds(prop, json_values), min_size=1),
    max_size=3,
)


@given(
    attributes,
    attributes,
    st.sampled_from(((), ("/a",))),
    st.sampled_from((None, "2030-01-01T00:00:00Z")),
)
def test_an_update_makes_the_stored_entity_the_one_after(before, after, scopes, expires_at):
    base = entity(3, **before)
    later = entity(4, **after).evolve(scopes=scopes, expires_at=expires_at, modified_at=T2)
    update = encode_update(base, later, {*base.attributes, *later.attributes})
    stored = encode_entity(base)
    for path, value in update["$set"].items():
        holder, name = (stored["a"], path[2:]) if path.startswith("a.") else (stored, path)
        holder[name] = value
    for path in update.get("$unset", ()):
        holder, name = (stored["a"], path[2:]) if path.startswith("a.") else (stored, path)
        del holder[name]
    expected = encode_entity(later)
    assert sorted(stored.pop("n")) == sorted(expected.pop("n"))
    assert stored == expected


IDS = ["urn:x:1", "urn:x:10", "urn:x:1!", "urn:x:1#", "urn:x:2", "urn:x:"]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1, None, range(1, 1200)),
        (9, 11, range(9, 12)),
        (1000, None, range(1000, 1200)),
        (5, 5, [5]),
    ],
)
def test_the_records_of_an_entity_are_found_by_their_names(first, last, expected):
    versions = range(1, 1200)
    names = {
        encode_change(Change(name, ("T",), version, "entityUpdated", "2026"), GROUP, place=place)[
            "_id"
        ]: (name, version)
        for place, version in enumerate(versions)
        for name in IDS
    }
    condition = records_between("urn:x:1", first, last)["_id"]
    found = [what for name, what in names.items() if condition["$gte"] <= name < condition["$lt"]]
    assert sorted(v for entity, v in found if entity == "urn:x:1") == list(expected)
    assert {entity for entity, _ in found} == {"urn:x:1"}
