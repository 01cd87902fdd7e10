import pytest

from adapters.rest.mapping import RecordMapping
from adapters.rest.settings import MappingSpec
from adapters.runtime.errors import Misconfigured, SkipRecord
from adapters.runtime.settings import parse_settings


def mapping(**changes):
    given = {
        "title": "test",
        "sources": {"list": {"url": "http://a/{day}", "values": {"day": "compact_jst(now)"}}},
        "records": "list.items",
        "entities": [
            {"id": "urn:x:{record.id}", "type": "T", "attributes": {"n": {"value": "record.n"}}}
        ],
        **changes,
    }
    return RecordMapping(parse_settings(MappingSpec, given, where="m.yaml"), where="m.yaml")


def attribute(spec, record=None):
    made = mapping(entities=[{"id": "urn:x:1", "type": "T", "attributes": {"a": spec}}])
    [entity] = entities(made, {"list": {"items": [record or {}]}})
    return entity.get("a")


def entities(made, documents):
    return [one for record in made.records(documents) for one in made.entities(record)]


@pytest.mark.parametrize(
    ("spec", "record", "result"),
    [
        ({"value": "record.n"}, {"n": 5}, {"type": "Property", "value": 5}),
        ({"value": "record.n"}, {"n": False}, {"type": "Property", "value": False}),
        ({"value": "record.n"}, {"n": None}, None),
        ({"value": "record.n"}, {}, None),
        ({"constant": 0}, {}, {"type": "Property", "value": 0}),
        ({"text": "no {record.n}"}, {"n": 5}, {"type": "Property", "value": "no 5"}),
        ({"text": "no {record.n}"}, {}, None),
        (
            {"object": "urn:y:{record.n}"},
            {"n": "港 1/2"},
            {"type": "Relationship", "object": "urn:y:%E6%B8%AF%201%2F2"},
        ),
        (
            {"point": ["record.x", "record.y"]},
            {"x": 138.3, "y": 34.9},
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [138.3, 34.9]}},
        ),
        ({"point": ["record.x", "record.y"]}, {"x": 138.3}, None),
        ({"point": ["record.x", "record.y"]}, {"x": "138.3"}, None),
        (
            {"geometry": "record.g"},
            {"g": {"type": "Point", "coordinates": [1, 2]}},
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
        ),
        (
            {"languages": {"ja": "record.j", "en": "record.e"}},
            {"j": "焼津"},
            {"type": "LanguageProperty", "languageMap": {"ja": "焼津"}},
        ),
        ({"languages": {"ja": "record.j"}}, {}, None),
        (
            {
                "value": "record.n",
                "unitCode": "CEL",
                "observedAt": "epoch(record.t)",
                "attributes": {"quality": {"value": "record.q"}},
            },
            {"n": 1, "t": 1733010135, "q": 3},
            {
                "type": "Property",
                "value": 1,
                "unitCode": "CEL",
                "observedAt": "2024-11-30T23:42:15Z",
                "quality": {"type": "Property", "value": 3},
            },
        ),
        (
            {"value": "record.n", "observedAt": "record.t"},
            {"n": 1},
            {"type": "Property", "value": 1},
        ),
    ],
)
def test_attributes(spec, record, result):
    assert attribute(spec, record) == result


def test_a_join_on_a_list_and_on_an_object():
    made = mapping(
        join={
            "a": {"table": "list.people", "key": "id", "by": "record.person"},
            "b": {"table": "list.places", "by": "record.place", "required": False},
        },
        entities=[
            {
                "id": "urn:x:{record.id}",
                "type": "T",
                "attributes": {"person": {"value": "a.name"}, "place": {"value": "b.name"}},
            }
        ],
    )
    documents = {
        "list": {
            "items": [{"id": 1, "person": 7, "place": "p"}, {"id": 2, "person": 7}],
            "people": [{"id": 7, "name": "Ann"}],
            "places": {"p": {"name": "Port"}},
        }
    }
    first, second = entities(made, documents)
    assert first["person"]["value"] == "Ann"
    assert first["place"]["value"] == "Port"
    assert "place" not in second


def test_a_record_without_its_partner_is_skipped_with_the_reason():
    made = mapping(join={"a": {"table": "list.people", "key": "id", "by": "record.person"}})
    with pytest.raises(SkipRecord, match=r"a has no '7', which record\.person names"):
        entities(made, {"list": {"items": [{"id": 1, "person": 7}], "people": []}})


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ""}, {"id": [1]}, {"id": True}])
def test_a_record_without_a_usable_id_is_skipped(record):
    with pytest.raises(SkipRecord, match=r"the id needs a value for \{record.id\}"):
        entities(mapping(), {"list": {"items": [record]}})


def test_an_expression_that_fails_skips_the_record():
    made = mapping(
        entities=[
            {"id": "urn:x:1", "type": "T", "attributes": {"n": {"value": "round(record.n, `1`)"}}}
        ]
    )
    with pytest.raises(SkipRecord, match="round"):
        entities(made, {"list": {"items": [{"n": "text"}]}})


def test_a_fault_names_the_attribute_and_the_record_its_place():
    spec = {"value": "round(record.n, `1`)"}
    made = mapping(entities=[{"id": "urn:x:1", "type": "T", "attributes": {"n": spec}}])
    with pytest.raises(SkipRecord, match=r"^entities\[0\]\.attributes\.n: round"):
        entities(made, {"list": {"items": [{"n": "text"}]}})
    records = list(made.records({"list": {"items": [{"n": 1}, {"n": 2}]}}))
    assert [one.place for one in records] == ["list.items[0]", "list.items[1]"]


@pytest.mark.parametrize("x", ["138.3", True, [138.3]])
def test_coordinates_that_are_no_numbers_are_no_missing_position(x):
    with pytest.raises(SkipRecord, match=r"attributes\.a: .*no coordinate; number"):
        attribute({"point": ["record.x", "record.y"]}, {"x": x, "y": 34.9})


def test_when_decides_whether_there_is_an_entity():
    made = mapping(
        entities=[{"id": "urn:x:{record.id}", "type": "T", "when": "record.active == `true`"}]
    )
    items = [{"id": 1, "active": True}, {"id": 2, "active": False}, {"id": 3}]
    assert [one["id"] for one in entities(made, {"list": {"items": items}})] == ["urn:x:1"]


def test_let_is_seen_by_every_record():
    made = mapping(
        let={"time": "jst(list.at)"},
        entities=[{"id": "urn:x:1", "type": "T", "attributes": {"t": {"value": "time"}}}],
    )
    [entity] = entities(made, {"list": {"at": "20210224150000", "items": [{}]}})
    assert entity["t"]["value"] == "2021-02-24T06:00:00Z"


def test_documents_without_records_are_reported():
    with pytest.raises(SkipRecord, match="finds NoneType instead of a list"):
        list(mapping().records({"list": {}}))


def test_the_url_of_a_source_takes_values_of_documents_before_it():
    made = mapping()
    assert made.url("list", {"now": "2021-02-24T15:00:00+09:00"}) == "http://a/20210224150000"
    other = made.url("list", {"now": "2021-02-24T15:00:00+09:00"}, template="http://b/?t={day}")
    assert other == "http://b/?t=20210224150000"
    with pytest.raises(SkipRecord, match=r"the URL of list needs a value for \{day\}"):
        made.url("list", {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"records": "list["}, "m.yaml.records: 'list[' is not an expression"),
        ({"recods": "x"}, "did you mean 'records'?"),
        ({"entities": []}, "at least one source and one entity"),
        ({"let": {"list": "x"}}, "a name stands for two things: list"),
        (
            {"entities": [{"id": "urn:x", "type": "T", "attributes": {"a": {}}}]},
            "give exactly one of",
        ),
        (
            {"entities": [{"id": "urn:x", "type": "T", "attributes": {"a": {"point": ["x"]}}}]},
            "point takes two expressions",
        ),
        ({"entities": [{"id": "urn:{]}", "type": "T"}]}, "entities[0].id"),
    ],
)
def test_faults_of_a_mapping_name_the_place(changes, message):
    with pytest.raises(Misconfigured) as caught:
        mapping(**changes)
    assert message in caught.value.detail
