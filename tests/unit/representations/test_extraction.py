"""What of entities a query keeps (clause 5.16.1.4)."""

from __future__ import annotations

from broker.model.entity import Entity
from broker.representations.extraction import extracted, extracted_links
from broker.representations.languages import parse_languages
from broker.representations.linked import Links
from broker.representations.options import RepresentationOptions


def relationship(*targets):
    return [{"type": "Relationship", "object": list(targets)}]


def entity(name, /, **attributes):
    return Entity(
        f"urn:x:{name}", ("urn:T",), attributes, ("/a",), "2026-01-01", "2026-01-02", version=7
    )


A = entity(
    "a",
    p=[{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d"}],
    name=[{"type": "LanguageProperty", "languageMap": {"en": "x", "ja": "え"}}],
)


def test_without_options_everything_is_kept():
    assert extracted(A, RepresentationOptions()) == A


def test_a_projection_reduces_members_but_never_the_identity():
    kept = extracted(A, RepresentationOptions(pick={"p": None}))
    assert (kept.id, kept.types, kept.version, kept.created_at) == (
        A.id,
        A.types,
        A.version,
        A.created_at,
    )
    assert (list(kept.attributes), kept.scopes) == (["p"], ())
    kept = extracted(A, RepresentationOptions(omit={"p": None, "id": None}))
    assert (kept.id, list(kept.attributes), kept.scopes) == (A.id, ["name"], ("/a",))


def test_instances_and_languages_are_chosen():
    options = RepresentationOptions(
        dataset_ids=frozenset({"@none"}), languages=parse_languages("ja")
    )
    kept = extracted(A, options)
    assert [each["value"] for each in kept.attributes["p"]] == [1]
    assert kept.attributes["name"] == [{"type": "Property", "value": "え", "lang": "ja"}]


def test_links_are_followed_level_by_level_and_each_is_kept_once():
    c = entity("c", r=relationship("urn:x:a"))
    b = entity("b", r=relationship("urn:x:c", "urn:x:none"))
    a = entity("a", r=relationship("urn:x:b", "urn:x:c"))
    loaded = {"urn:x:b": b, "urn:x:c": c, "urn:x:a": a, "urn:x:none": None}
    options = RepresentationOptions()
    assert list(extracted_links([a], options, Links(0), loaded)) == []
    assert list(extracted_links([a], options, Links(3), loaded)) == [b, c]
    contained = Links(3, frozenset({"urn:x:b"}))
    assert list(extracted_links([a], options, contained, loaded)) == [c]


def test_a_projection_goes_on_with_the_links():
    b = entity("b", q=[{"type": "Property", "value": 1}], s=[{"type": "Property", "value": 2}])
    a = entity("a", r=relationship("urn:x:b"))
    options = RepresentationOptions(pick={"r": {"q": None}})
    (kept,) = extracted_links([a], options, Links(1), {"urn:x:b": b})
    assert list(kept.attributes) == ["q"]
