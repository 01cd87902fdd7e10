import orjson
import pytest

from adapters.runtime.errors import Invalid, Misconfigured
from adapters.runtime.json_schema import schema_flaw
from adapters.runtime.schemas import Schemas
from adapters.runtime.validation import Validation, simple_values

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Sensor",
    "type": "object",
    "required": ["id", "type", "temperature"],
    "properties": {
        "temperature": {"type": "number", "minimum": -60, "maximum": 60},
        "level": {"oneOf": [{"type": "integer"}, {"const": "unknown"}]},
        "location": {"$ref": "common.json#/$defs/Geometry"},
        "observed": {"type": "string", "format": "date-time"},
    },
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Sensor").mkdir()
    (tmp_path / "Sensor" / "schema.json").write_bytes(orjson.dumps(SCHEMA))
    return tmp_path


@pytest.fixture
def validation(folder):
    return Validation(Schemas([folder]))


def entity(**attributes):
    return {"id": "urn:a", "type": "Sensor", **attributes}


@pytest.mark.parametrize(
    "attributes",
    [
        {"temperature": {"type": "Property", "value": 21.5}},
        {"temperature": {"value": 21.5, "unitCode": "CEL"}},
        {"temperature": 21.5, "level": "unknown"},
        {"temperature": [{"value": 1}, {"value": 2, "datasetId": "urn:d"}]},
        {"temperature": 1, "location": {"type": "Point", "coordinates": [138.3, 34.9]}},
        {"temperature": 1, "observed": {"@type": "DateTime", "@value": "2026-01-01T00:00:00Z"}},
        {"temperature": 1, "whatever": {"type": "Property", "value": "NGSI-LD allows it"}},
    ],
)
def test_valid_entities_in_any_form_pass(validation, attributes):
    validation.check(entity(**attributes))


@pytest.mark.parametrize(
    ("attributes", "attribute", "message"),
    [
        ({}, "temperature", "missing"),
        ({"temperature": "warm"}, "temperature", "'warm' is not of type 'number'"),
        ({"temperature": {"value": -99999}}, "temperature", "less than the minimum"),
        ({"temperature": [{"value": 1}, {"value": 99}]}, "temperature", "greater than the maximum"),
        ({"temperature": True}, "temperature", "not of type"),
        ({"temperature": 1, "level": "low"}, "level", "'low'"),
        ({"temperature": 1, "location": {"type": "Point"}}, "location", "coordinates"),
        ({"temperature": 1, "observed": "2021/04/01 9:00"}, "observed", "date-time"),
    ],
)
def test_faults_name_the_attribute(validation, attributes, attribute, message):
    with pytest.raises(Invalid) as caught:
        validation.check(entity(**attributes))
    assert caught.value.attribute == attribute
    assert message in caught.value.detail
    assert "urn:a" in caught.value.detail


def test_a_part_of_an_entity_needs_only_fit(validation):
    validation.check(entity(level=3), partial=True)
    with pytest.raises(Invalid):
        validation.check(entity(temperature="x"), partial=True)


def test_types_without_schema_pass(validation):
    validation.check({"id": "urn:a", "type": "NobodyKnows", "x": 1})
    validation.check({"id": "urn:a", "type": "../Sensor", "x": 1})


def test_every_type_of_an_entity_is_checked(validation):
    with pytest.raises(Invalid):
        validation.check({"id": "urn:a", "type": ["NobodyKnows", "Sensor"]})


def test_an_entity_without_type_is_invalid(validation):
    with pytest.raises(Invalid, match="no type"):
        validation.check({"id": "urn:a"})


def test_strict_names_refuses_what_the_schema_does_not_know(folder):
    strict = Validation(Schemas([folder]), strict_names=True)
    with pytest.raises(Invalid, match="did you mean 'temperature'"):
        strict.check(entity(temperature=1, temprature=2))


def test_rules_that_span_attributes_are_checked(folder):
    spanning = {**SCHEMA, "dependentRequired": {"level": ["observed"]}}
    (folder / "Sensor" / "schema.json").write_bytes(orjson.dumps(spanning))
    validation = Validation(Schemas([folder]))
    validation.check(entity(temperature=1, level=2, observed="2026-01-01T00:00:00Z"))
    with pytest.raises(Invalid, match="observed"):
        validation.check(entity(temperature=1, level=2))


def test_wrong_schemas_are_the_operators_to_mend(folder):
    (folder / "Sensor" / "schema.json").write_text("{")
    with pytest.raises(Misconfigured, match="not JSON"):
        Schemas([folder])
    (folder / "Sensor" / "schema.json").write_text('{"properties": {"a": {"type": "nonsense"}}}')
    with pytest.raises(Misconfigured, match="schema of Sensor"):
        Validation(Schemas([folder])).check(entity(temperature=1))
    with pytest.raises(Misconfigured, match="no folder"):
        Schemas([folder / "nowhere"])


def test_our_own_schemas_are_valid_and_listed(folder):
    schemas = Schemas([folder])
    assert "Sensor" in schemas.types()
    for one in schemas.types():
        assert schema_flaw(schemas.schema(one)) is None
        assert Validation(schemas).of_type(one) is not None


def test_simple_values():
    assert simple_values({"type": "Relationship", "object": "urn:b"}) == ["urn:b"]
    assert simple_values([1, 2]) == [[1, 2]]
    assert simple_values({"languageMap": {"ja": "x"}}) == [{"ja": "x"}]
