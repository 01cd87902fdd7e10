import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.runtime.json_schema import full_check
from adapters.runtime.schemas import Schemas
from adapters.runtime.sure_check import sure_check

SCHEMAS = Schemas()

numbers = st.integers(-5, 5) | st.floats(-5, 5)
values = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.sampled_from(["", "a", "abc", "Point", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z"])
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "type", "coordinates"]), inner, max_size=3)
    ),
    max_leaves=6,
)
leaf_schemas = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object"])
        | st.lists(st.sampled_from(["string", "number", "null"]), min_size=1, unique=True),
        "enum": st.lists(st.sampled_from(["a", "abc", 1, None, True]), min_size=1, unique_by=repr),
        "const": st.sampled_from(["a", 1]),
        "minimum": st.integers(-3, 3),
        "exclusiveMaximum": st.integers(-3, 3),
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "c$"]),
        "format": st.just("date-time"),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
        "$ref": st.sampled_from(["common.json#/$defs/Point", "common.json#/$defs/Geometry"]),
        "not": st.just({"type": "string"}),
    },
)
schemas = st.recursive(
    leaf_schemas,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "b", "type"]), inner, max_size=2),
            "items": inner,
            "additionalProperties": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=4,
)


@given(schemas, values)
def test_what_is_surely_valid_is_valid(schema, value):
    if sure_check(schema, SCHEMAS.definition)(value):
        assert full_check(schema, SCHEMAS.documents)(value) is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number", "minimum": 0, "maximum": 1}, 0.5),
        ({"type": ["string", "null"]}, None),
        ({"$ref": "common.json#/$defs/DateTime"}, "2026-01-01T09:00:00.5+09:00"),
        ({"$ref": "common.json#/$defs/Point"}, {"type": "Point", "coordinates": [138.3, 34.9]}),
        ({"$ref": "common.json#/$defs/Geometry"}, {"type": "Point", "coordinates": [138.3, 34.9]}),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, ["a", "b", "a"]),
        ({"enum": ["unknown", True, False]}, False),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": 1, "b": "x"}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"a": "x", "b": "y"}),
    ],
)
def test_ordinary_schemas_need_no_second_look(schema, value):
    assert sure_check(schema, SCHEMAS.definition)(value)


@pytest.mark.parametrize(
    "schema", [{"not": {}}, {"$ref": "common.json#/$defs/Nothing"}, False, {"oneOf": [{}]}]
)
def test_unknown_keywords_are_never_sure(schema):
    assert not sure_check(schema, SCHEMAS.definition)("x")
