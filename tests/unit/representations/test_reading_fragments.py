import pytest

from broker.model.entity import NULL
from broker.model.errors import BadRequestData
from broker.model.fragment import Fragment, deletion
from broker.representations.reading import read_attribute_fragment, read_fragment

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
TEMPERATURE = "https://example.org/vocab#temperature"
POINT = {"type": "Point", "coordinates": [135.19, 34.69]}


def test_a_fragment_mentions_only_what_it_has(terms):
    assert read_fragment({}, terms, "update") == Fragment()
    assert read_fragment(
        {"id": "urn:a:1", "type": "Building", "temperature": 1},
        terms,
        "append",
        entity_id="urn:a:1",
    ) == Fragment(
        id="urn:a:1",
        types=("https://example.org/vocab#Building",),
        attributes={TEMPERATURE: [{"type": "Property", "value": 1}]},
    )


def test_the_id_of_a_fragment_is_that_of_its_target(terms):
    with pytest.raises(BadRequestData, match="not the target"):
        read_fragment({"id": "urn:a:2"}, terms, "merge", entity_id="urn:a:1")


@pytest.mark.parametrize("operation", ["update", "merge"])
@pytest.mark.parametrize(
    "written",
    [
        NULL,
        {"type": "Property", "value": NULL},
        {"type": "GeoProperty", "value": NULL},
        {"type": "Relationship", "object": NULL},
        {"type": "LanguageProperty", "languageMap": {"@none": NULL}},
        {"type": "VocabProperty", "vocab": NULL},
        {"type": "JsonProperty", "json": NULL},
        {"type": "ListProperty", "valueList": [NULL]},
        {"type": "ListRelationship", "objectList": [NULL]},
        {"type": "ListRelationship", "objectList": [{"object": NULL}]},
        {"value": NULL},
        {"object": NULL},
    ],
)
def test_the_null_of_each_kind_deletes(terms, operation, written):
    fragment = read_fragment({"temperature": written}, terms, operation)
    assert fragment.attributes == {TEMPERATURE: [deletion()]}
    if isinstance(written, dict):
        written = {**written, "datasetId": "urn:d:1"}
        fragment = read_fragment({"temperature": [written]}, terms, operation)
        assert fragment.attributes == {TEMPERATURE: [deletion("urn:d:1")]}
    with pytest.raises(BadRequestData):
        read_fragment({"temperature": written}, terms, "append")


def test_members_can_be_deleted_in_a_fragment(terms):
    fragment = read_fragment(
        {
            "scope": NULL,
            "expiresAt": NULL,
            "temperature": {
                "type": "Property",
                "value": 1,
                "unitCode": NULL,
                "valueType": NULL,
                "accuracy": NULL,
            },
        },
        terms,
        "update",
    )
    assert fragment.scopes == ()
    assert fragment.expires_at == NULL
    assert fragment.attributes == {
        TEMPERATURE: [
            {
                "type": "Property",
                "value": 1,
                "unitCode": NULL,
                "valueType": NULL,
                f"{DEFAULT}accuracy": [deletion()],
            }
        ]
    }


def test_only_a_merge_deletes_inside_values(terms):
    written = {"temperature": {"type": "Property", "value": {"a": NULL}}}
    fragment = read_fragment(written, terms, "merge")
    assert fragment.attributes[TEMPERATURE] == [{"type": "Property", "value": {"a": NULL}}]
    with pytest.raises(BadRequestData, match="only deletes inside a value"):
        read_fragment(written, terms, "update")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (5, [{"value": 5}]),
        ({"street": "x"}, [{"value": {"street": "x"}}]),
        ({"value": POINT}, [{"value": POINT}]),
        (POINT, [{"type": "GeoProperty", "value": POINT}]),
        ({"unitCode": "CEL"}, [{"unitCode": "CEL"}]),
        ({"type": "Property", "unitCode": "CEL"}, [{"type": "Property", "unitCode": "CEL"}]),
        ({"object": "urn:a:1"}, [{"type": "Relationship", "object": "urn:a:1"}]),
    ],
)
def test_a_merge_leaves_the_type_to_the_target(terms, written, read):
    assert read_fragment({"temperature": written}, terms, "merge").attributes[TEMPERATURE] == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (5, [{"value": 5}]),
        (NULL, [deletion()]),
        (POINT, [{"value": POINT}]),
        ({"type": "Property", "value": 5}, [{"value": {"type": "Property", "value": 5}}]),
        (
            {"vocab": "museum"},
            [{"type": "VocabProperty", "vocab": "https://example.org/vocab#museum"}],
        ),
        ({"json": {"a": None}}, [{"type": "JsonProperty", "json": {"a": None}}]),
        ({"languageMap": {"@none": NULL}}, [deletion()]),
        (
            {"dataset": {"@none": 1, "urn:d:1": "urn:a:1"}},
            [{"value": 1}, {"value": "urn:a:1", "datasetId": "urn:d:1"}],
        ),
    ],
)
def test_a_simplified_merge_reads_values(terms, written, read):
    fragment = read_fragment({"temperature": written}, terms, "mergeSimplified")
    assert fragment.attributes[TEMPERATURE] == read


def test_a_simplified_dataset_has_uris(terms):
    with pytest.raises(BadRequestData, match="is not a URI"):
        read_fragment({"temperature": {"dataset": {"a": 1}}}, terms, "mergeSimplified")


def test_a_partial_update_is_a_part_of_an_instance(terms):
    body = {"@context": [], "value": 5, "accuracy": NULL, "observedAt": NULL, "note": {"value": 1}}
    assert read_attribute_fragment(body, terms, "partial", name="temperature") == [
        {
            "value": 5,
            f"{DEFAULT}accuracy": [deletion()],
            "observedAt": NULL,
            f"{DEFAULT}note": [{"value": 1}],
        }
    ]
    assert read_attribute_fragment({"accuracy": 1}, terms, "partial", name="temperature") == [
        {f"{DEFAULT}accuracy": [{"value": 1}]}
    ]
    assert read_attribute_fragment({"value": NULL}, terms, "partial", name="temperature") == [
        deletion()
    ]


def test_unknown_members_of_every_instance_of_a_partial_update_are_sub_attributes(terms):
    body = [{"accuracy": 1}, {"accuracy": 2, "datasetId": "urn:d:1"}]
    assert read_attribute_fragment(body, terms, "partial", name="temperature") == [
        {f"{DEFAULT}accuracy": [{"value": 1}]},
        {f"{DEFAULT}accuracy": [{"value": 2}], "datasetId": "urn:d:1"},
    ]


def test_a_replacement_is_a_whole_attribute(terms):
    body = [{"value": 5}, {"object": "urn:a:1", "datasetId": "urn:d:1", "@context": []}]
    assert read_attribute_fragment(body, terms, "replace", name="temperature") == [
        {"type": "Property", "value": 5},
        {"type": "Relationship", "object": "urn:a:1", "datasetId": "urn:d:1"},
    ]


@pytest.mark.parametrize(
    ("body", "operation", "place"),
    [
        ({}, "partial", ""),
        ({"@context": []}, "partial", ""),
        ([], "replace", ""),
        (5, "partial", ""),
        ({"type": "Property"}, "replace", ""),
        ({"value": NULL}, "replace", "/value"),
        ({"value": {"a": NULL}}, "partial", "/value/a"),
        ({"value": 5, "unitCode": 5}, "partial", "/unitCode"),
        ([{"value": 5, "unitCode": 5}], "replace", "/0/unitCode"),
        ([5], "replace", "/0"),
    ],
)
def test_a_wrong_attribute_fragment_is_refused(terms, body, operation, place):
    with pytest.raises(BadRequestData) as refusal:
        read_attribute_fragment(body, terms, operation, name="temperature")
    assert refusal.value.pointer == place
    assert refusal.value.attribute_names == ("temperature",)


def test_the_location_stays_a_geometry(terms):
    with pytest.raises(BadRequestData, match="GeoProperty"):
        read_attribute_fragment({"value": 5}, terms, "replace", name="location")
    with pytest.raises(BadRequestData, match="GeoProperty"):
        read_fragment({"location": {"type": "Property", "value": 5}}, terms, "merge")
    read_fragment({"location": NULL}, terms, "merge")
    assert read_attribute_fragment(
        {"type": "Property", "value": {}, "entityTypeSealed": "Building"},
        terms,
        "replace",
        name="ngsildproof",
    ) == [
        {"type": "Property", "value": {}, "entityTypeSealed": "https://example.org/vocab#Building"}
    ]


def test_instances_of_a_merge_are_told_by_their_dataset(terms):
    written = [{"unitCode": "CEL"}, {"unitCode": "KEL", "datasetId": "urn:d:1"}]
    fragment = read_fragment({"temperature": written}, terms, "merge")
    assert fragment.attributes[TEMPERATURE] == written


def test_not_even_a_merge_deletes_inside_arrays(terms):
    for value in ([{"a": NULL}], {"a": [{"b": {"c": NULL}}]}):
        with pytest.raises(BadRequestData, match="outside arrays"):
            read_fragment({"temperature": {"value": value}}, terms, "merge")
