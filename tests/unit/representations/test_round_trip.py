"""What is written is what was read: every kind, every representation."""

from typing import Any

import pytest
from hypothesis import given

from broker.model.entity import Entity
from broker.model.patching import create_entity
from broker.representations.options import RepresentationOptions
from broker.representations.reading import read_entity, read_fragment
from broker.representations.writing import write_entity
from tests.entities import entities

T0 = "2026-01-01T00:00:00.000000Z"
EVERYTHING = RepresentationOptions(sys_attrs=True)


def stored(body: dict[str, Any], terms) -> Entity:
    entity = create_entity(read_entity(body, terms))(None, T0).entity
    assert entity is not None
    return entity


def without_times(body: Any) -> Any:
    """Return a written body without what the broker added to it."""
    if isinstance(body, list):
        return [without_times(item) for item in body]
    if isinstance(body, dict):
        return {
            name: member if name in {"value", "json", "valueList"} else without_times(member)
            for name, member in body.items()
            if name not in {"createdAt", "modifiedAt"}
        }
    return body


def compacted(body: Any) -> Any:
    """Return a drawn body as it comes back: terms written as IRIs come back as terms."""
    if isinstance(body, list):
        return [compacted(item) for item in body]
    if isinstance(body, dict):
        return {name: compacted(member) for name, member in body.items()}
    return "ex:hall" if body == "https://example.org/vocab#hall" else body


@given(body=entities())
def test_a_normalized_entity_comes_back_as_it_was_given(body, terms):
    entity = stored(body, terms)
    assert without_times(write_entity(entity, terms, EVERYTHING)) == compacted(body)
    assert list(write_entity(entity, terms))[:2] == ["id", "type"]


@pytest.mark.parametrize("sys_attrs", [False, True])
@given(body=entities())
def test_the_concise_representation_says_the_same(sys_attrs, body, terms):
    entity = stored(body, terms)
    normalized = write_entity(entity, terms, RepresentationOptions(sys_attrs=sys_attrs))
    options = RepresentationOptions(form="concise", sys_attrs=sys_attrs)
    concise = write_entity(entity, terms, options)
    assert read_entity(concise, terms) == read_entity(normalized, terms)
    assert len(str(concise)) <= len(str(normalized))


@given(body=entities())
def test_simplified_values_are_those_of_the_entity(body, terms):
    entity = stored(body, terms)
    simplified = write_entity(entity, terms, RepresentationOptions(form="simplified"))
    fragment = read_fragment(
        {name: value for name, value in simplified.items() if name not in {"id", "type", "scope"}},
        terms,
        "mergeSimplified",
    )
    for name, instances in entity.attributes.items():
        read = fragment.attributes[name]
        assert len(read) == len(instances)
        for found, instance in zip(read, instances, strict=True):
            if len(instances) > 1:
                assert found.get("datasetId") == instance.get("datasetId")
            assert _value_of(found) == _value_of(instance)


def _value_of(instance: dict[str, Any]) -> Any:
    for member in ("value", "object", "languageMap", "vocab", "json", "valueList"):
        if member in instance:
            return instance[member]
    return [target["object"] for target in instance["objectList"]]
