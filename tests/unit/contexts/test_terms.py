"""Tables of terms against the rules of JSON-LD; pyld is the oracle where NGSI-LD adds nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from broker.contexts.context import Context, core_context
from broker.contexts.core import (
    CORE_CONTEXT_URL,
    DEFAULT_VOCABULARY,
    PINNED_VERSIONS,
    core_document,
    is_core_url,
)
from broker.contexts.terms import build_table
from broker.model.errors import BadRequestData


def context(*definitions):
    return Context(build_table(definitions), reference=list(definitions))


@pytest.mark.parametrize(
    ("name", "iri"),
    [
        ("temperature", f"{DEFAULT_VOCABULARY}temperature"),
        ("location", "https://uri.etsi.org/ngsi-ld/location"),
        ("value", "https://uri.etsi.org/ngsi-ld/hasValue"),
        ("description", "http://purl.org/dc/terms/description"),
        ("Point", "https://purl.org/geojson/vocab#Point"),
        ("attributeCount", f"{DEFAULT_VOCABULARY}attributeCount"),
    ],
)
def test_core_names(name, iri):
    core = core_context()
    assert core.expand(name) == iri
    assert core.compact(iri) == name


@pytest.mark.parametrize("iri", ["https://example.org/speed", "urn:ngsi-ld:attribute:A1", "_:b0"])
def test_what_is_expanded_already_stays(iri):
    assert core_context().expand(iri) == iri
    assert core_context().compact(iri) == iri


def test_a_core_prefix_stands_for_a_name_without_a_term():
    user = context({"almostFull": "https://example.org/almostFull"})
    iri = f"{DEFAULT_VOCABULARY}almostFull"
    assert user.compact(iri) == "ngsi-ld:default-context/almostFull"
    assert user.expand("ngsi-ld:default-context/almostFull") == iri


def test_core_terms_cannot_be_redefined_even_by_protected_ones():
    user = context(
        {
            "@protected": True,
            "location": "https://example.org/place",
            "value": {"@id": "https://example.org/value", "@type": "@id"},
            "type": "https://example.org/type",
            "ngsi-ld": "https://example.org/ngsi#",
        }
    )
    assert user.expand("location") == "https://uri.etsi.org/ngsi-ld/location"
    assert user.expand("value") == "https://uri.etsi.org/ngsi-ld/hasValue"
    assert user.expand("type") == "@type"
    assert user.expand("ngsi-ld:x") == "https://uri.etsi.org/ngsi-ld/x"
    assert user.compact("https://example.org/place") == "https://example.org/place"


def test_a_core_name_is_preferred_to_a_shorter_user_name():
    assert context({"loc": "ngsi-ld:location"}).compact(
        "https://uri.etsi.org/ngsi-ld/location"
    ) == ("location")


def test_a_user_vocabulary_serves_definitions_only():
    user = context({"@vocab": "https://example.org/", "speed": {"@type": "@id"}})
    assert user.expand("speed") == "https://example.org/speed"
    assert user.expand("colour") == f"{DEFAULT_VOCABULARY}colour"


@pytest.mark.parametrize(
    "definition",
    [None, {"@id": None}, "@type", "@graph", {"@reverse": "https://example.org/parent"}, "@odd"],
)
def test_a_definition_that_names_nothing_leaves_the_default_vocabulary(definition):
    user = context({"kind": definition})
    iri = user.expand("kind")
    assert iri == f"{DEFAULT_VOCABULARY}kind"
    assert user.compact(iri) == "kind"


def test_null_resets_what_came_before():
    user = context({"a": "https://example.org/a"}, None, {"b": "https://example.org/b"})
    assert user.expand("a") == f"{DEFAULT_VOCABULARY}a"
    assert user.expand("b") == "https://example.org/b"


def test_null_keywords_are_taken():
    user = context({"@vocab": None, "@language": None, "@base": None, "a": {"@type": "@id"}})
    assert user.expand("a") == f"{DEFAULT_VOCABULARY}a"


def test_the_shortest_then_the_least_name_compacts():
    iri = "https://example.org/x"
    assert context({"longer": iri, "bb": iri, "ab": iri}).compact(iri) == "ab"


def test_a_copy_of_the_core_context_is_no_obstacle():
    copy = core_document()["@context"]
    assert (
        build_table([{**copy, "lake": "https://e.org/lake"}]).iris["lake"] == "https://e.org/lake"
    )


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"a": {"@id": "https://e.org/a", "@context": {}}}, "scoped"),
        ({"a": 7}, "valid JSON-LD"),
        ({"a": "b", "b": "a"}, "Cyclical"),
        ({"@vocab": 3}, "valid JSON-LD"),
        ({"a": {"@id": "https://e.org/a", "@container": "@bag"}}, "valid JSON-LD"),
        ({"a": {"@id": ["x"]}}, "valid JSON-LD"),
        ({"@version": 2}, "version"),
    ],
)
def test_invalid_definitions_are_refused(definition, words):
    with pytest.raises(BadRequestData) as raised:
        build_table([definition])
    assert words in raised.value.detail


@pytest.mark.parametrize("wrong", [7, {"@id": ["x"]}, {"@id": "urn:a:a", "@container": "@bag"}])
def test_the_definition_that_is_wrong_is_named(wrong):
    with pytest.raises(BadRequestData, match="in the definition of 'wrong'"):
        build_table([{"ex": "https://e.org/", "fine": "ex:fine"}, {"wrong": wrong}])


@pytest.mark.parametrize(
    "meaning", ["https://e.org/#water dam ", {"@id": "https://e.org/#water dam"}]
)
def test_spaces_in_iris_are_encoded(meaning):
    user = context({"water dam": meaning})
    assert user.expand("water dam") == "https://e.org/#water%20dam"
    assert user.compact("https://e.org/#water%20dam") == "water dam"


def test_every_published_core_context_is_built_in():
    base = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
    assert is_core_url(CORE_CONTEXT_URL)
    assert is_core_url(f"{base}.jsonld")
    assert all(is_core_url(f"{base}-{version}.jsonld") for version in PINNED_VERSIONS)
    assert not is_core_url(f"{base}-non-existing.jsonld")


@pytest.mark.parametrize(
    ("reference", "ends_with_core", "body"),
    [
        (None, False, CORE_CONTEXT_URL),
        ("https://e.org/c", False, ["https://e.org/c", CORE_CONTEXT_URL]),
        ("https://e.org/c", True, "https://e.org/c"),
        ([{"a": "urn:a:b"}], False, [{"a": "urn:a:b"}, CORE_CONTEXT_URL]),
        ({"a": "urn:a:b"}, False, [{"a": "urn:a:b"}, CORE_CONTEXT_URL]),
    ],
)
def test_the_context_of_a_response_ends_with_the_core(reference, ends_with_core, body):
    made = Context(build_table([]), reference=reference, ends_with_core=ends_with_core)
    assert made.body == body


def test_memory_of_names_is_bounded(monkeypatch):
    monkeypatch.setattr("broker.contexts.context._MEMORY_LIMIT", 3)
    core = core_context()
    for number in range(10):
        assert core.compact(core.expand(f"name{number}")) == f"name{number}"
    assert len(core._expanded) <= 3
    assert len(core._compacted) <= 3


CORE_TERMS = frozenset(core_document()["@context"])
WORDS = st.text("abcdeé_-.", min_size=1, max_size=4).filter(lambda word: word not in CORE_TERMS)
NAMESPACES = st.sampled_from(
    ["https://e.org/", "https://e.org/a#", "https://e.org/a", "urn:x:", DEFAULT_VOCABULARY]
)
IRIS = st.builds(lambda namespace, word: namespace + word, NAMESPACES, WORDS)
COMPACT_IRIS = st.builds(lambda prefix, word: f"{prefix}:{word}", st.sampled_from("pzr"), WORDS)


@st.composite
def user_contexts(draw):
    prefixes = draw(st.dictionaries(st.sampled_from("pzr"), NAMESPACES, max_size=3))
    known = st.one_of(IRIS, COMPACT_IRIS.filter(lambda name: name[0] in prefixes))
    meaning = st.one_of(known, known.map(lambda iri: {"@id": iri}))
    terms = draw(st.dictionaries(WORDS.filter(lambda w: w not in "pzr"), meaning, max_size=5))
    vocabulary = draw(st.one_of(st.just({}), NAMESPACES.map(lambda iri: {"@vocab": iri})))
    return {**vocabulary, **prefixes, **terms}


def pyld_expand(definitions, name):
    """Return the IRI pyld expands a property name to."""
    [node] = jsonld.expand({"@context": [*definitions], name: [{"@value": 1}]}, {"base": "urn:b"})
    [iri] = node
    return iri


def pyld_compact(definitions, iri):
    compacted = jsonld.compact({iri: [{"@value": 1}]}, [*definitions], {"base": "urn:b"})
    [name] = compacted.keys() - {"@context"}
    return name


def core_definitions():
    """Return the part of the Core @context that names without a core term depend on."""
    definitions = core_document()["@context"]
    parts = ["@version", "@protected", "ngsi-ld", "geojson", "id", "type", "location", "@vocab"]
    return {part: definitions[part] for part in parts}


@settings(max_examples=60)
@given(st.lists(user_contexts(), max_size=3), st.one_of(WORDS, IRIS, COMPACT_IRIS))
def test_names_expand_and_compact_as_pyld_does(users, name):
    core = core_definitions()
    user = context(*users)
    iri = pyld_expand([core, *users, core], name)
    assert user.expand(name) == iri
    try:
        compacted = pyld_compact([core, *users, core], iri)
    except jsonld.JsonLdError:  # an absolute IRI whose scheme is also a prefix
        return
    if pyld_expand([core, *users, core], compacted) == iri:
        assert user.compact(iri) == compacted


MEANINGS = st.one_of(
    IRIS,
    COMPACT_IRIS,
    st.none(),
    st.sampled_from(["@type", "@id"]),
    IRIS.map(lambda iri: {"@id": iri, "@type": "@vocab"}),
    IRIS.map(lambda iri: {"@reverse": iri}),
)
NAMES = st.one_of(WORDS, st.sampled_from(sorted(CORE_TERMS - {"@version", "@protected", "@vocab"})))


@settings(max_examples=200)
@given(st.lists(st.dictionaries(NAMES, MEANINGS, max_size=6), max_size=2), NAMES)
def test_compaction_never_changes_what_a_name_means(users, name):
    user = context(*users)
    iri = user.expand(name)
    compacted = user.compact(iri)
    assert user.expand(compacted) == iri
    if not any(name in definitions for definitions in users) and iri.startswith("http"):
        rivals = [t for d in users for t in d if user.expand(t) == iri and t != name]
        assert compacted == name or rivals
