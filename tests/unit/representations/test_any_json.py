"""Whatever JSON comes in, it is read or refused: nothing else ever happens to it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.model.attributes import RESERVED_MEMBERS, VALUE_MEMBER
from broker.model.entity import NULL, Entity
from broker.model.errors import BadRequestData, NgsiLdError
from broker.model.merging import MergeDefaults
from broker.model.patching import (
    create_entity,
    merge_entity,
    partial_update_attribute,
    update_attributes,
)
from broker.representations.languages import parse_languages
from broker.representations.linked import Links, write_inline
from broker.representations.options import RepresentationOptions
from broker.representations.reading import read_attribute_fragment, read_entity, read_fragment
from tests.entities import entities, geometries, instances, texts

T0 = "2026-01-01T00:00:00.000000Z"
MEMBERS = (*sorted(RESERVED_MEMBERS), "id", "@id", "@type", "@context", "@value", "scope")
NAMES = ("temperature", "name", "location", "ngsildproof", "9x", "a b", "https://example.org/x")
ODD = (
    *VALUE_MEMBER,
    NULL,
    None,
    [NULL],
    {"@none": NULL},
    "@none",
    "urn:a:1",
    "urn:d:1",
    ["urn:a:1"],
    T0,
    "Point",
    "",
    0,
    True,
    [],
    {},
)

anything = st.recursive(
    st.sampled_from(ODD) | texts | geometries,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(MEMBERS + NAMES), inner, max_size=4)
    ),
    max_leaves=10,
)
almost = st.builds(
    lambda instance, member, value: {**instance, member: value},
    instances(),
    st.sampled_from(MEMBERS + NAMES),
    anything,
)
bodies = st.dictionaries(st.sampled_from(NAMES[:4]), anything | almost, max_size=2)


@settings(max_examples=300)
@given(body=anything, rest=bodies)
def test_an_entity_is_read_or_refused(body, rest, terms):
    for given_body in (body, {"id": "urn:a:1", "type": "T", **rest}):
        try:
            entity = read_entity(given_body, terms)
        except BadRequestData as refusal:
            _check_refusal(refusal, given_body)
        else:
            _show_in_every_way(entity, terms)


def _check_refusal(refusal: BadRequestData, body: Any) -> None:
    assert refusal.detail
    assert refusal.pointer is not None
    assert _resolves(body, refusal.pointer)


def _resolves(body: Any, pointer: str) -> bool:
    """Return whether a pointer leads to a place in the body, or to a member missing from one."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
    for index, key in enumerate(keys):
        if isinstance(body, list):
            body = body[int(key)]
        elif isinstance(body, dict) and key in body:
            body = body[key]
        else:
            aliased = isinstance(body, dict) and f"@{key}" in body
            return aliased or index == len(keys) - 1 or isinstance(body, str)
    return True


def _show_in_every_way(entity: Entity, terms: Any) -> None:
    links, languages = Links(1), parse_languages("en")
    for form in ("normalized", "concise", "simplified"):
        for options in (
            RepresentationOptions(form=form),
            RepresentationOptions(form=form, sys_attrs=True, languages=languages),
        ):
            write_inline(entity, terms, options, links, {"urn:a:1": entity})


@pytest.mark.parametrize("operation", ["append", "update", "merge", "mergeSimplified"])
@settings(max_examples=100)
@given(body=entities(), patch=bodies, lang=st.sampled_from([None, "en"]))
def test_a_fragment_is_applied_or_refused(operation, body, patch, lang, terms):
    stored = create_entity(read_entity(body, terms))(None, T0).entity
    apply = (
        (lambda fragment: merge_entity("urn:a:1", fragment, MergeDefaults(T0, lang)))
        if "merge" in operation
        else (lambda fragment: update_attributes("urn:a:1", fragment))
    )
    try:
        after = apply(read_fragment(patch, terms, operation))(stored, T0).entity
    except NgsiLdError:
        return
    assert after is not None
    assert NULL not in str(_without_raw_json(after.attributes))
    _show_in_every_way(after, terms)


@settings(max_examples=200)
@given(body=entities(), patch=anything, name=st.sampled_from(["temperature", "name"]))
def test_an_attribute_fragment_is_applied_or_refused(body, patch, name, terms):
    stored = create_entity(read_entity(body, terms))(None, T0).entity
    try:
        instances = read_attribute_fragment(patch, terms, "partial", name=name)
        operation = partial_update_attribute("urn:a:1", terms.expand(name), instances)
        after = operation(stored, T0).entity
    except NgsiLdError:
        return
    assert after is not None
    _show_in_every_way(after, terms)


def _without_raw_json(value: Any) -> Any:
    """Return stored attributes without what is never interpreted: JSON literals and raw JSON."""
    if isinstance(value, list):
        return [_without_raw_json(item) for item in value]
    if isinstance(value, dict):
        if value.get("@type") == "@json":
            return {}
        return {name: _without_raw_json(item) for name, item in value.items() if name != "json"}
    return value
