"""Type selections (clause 4.17) and scope queries (clause 4.19)."""

import pytest

from broker.model.entity import Entity
from broker.model.errors import BadRequestData, TooComplexQuery
from broker.query.ast import Geometry, GeoQuery
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.matching import compile_scopes, matches
from broker.query.q_parser import parse_q
from broker.query.selection import parse_scopes, parse_types
from tests.terms import NAMESPACE, TERMS


def types(*alternatives):
    return tuple(tuple(NAMESPACE + name for name in together) for together in alternatives)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Building|House", types("B", "H")),
        ("Building,House", types("B", "H")),
        ("(Home;Vehicle)", types("HV")),
        ("(Home;Vehicle)|Motorhome", types("HV", "M")),
        ("Home;Vehicle,Motorhome", types("HV", "M")),
        ("https://x.org/T#a", (("https://x.org/T#a",),)),
        ("*", ()),
    ],
)
def test_type_selections(text, expected):
    short = {"Building": "B", "House": "H", "Home": "H", "Vehicle": "V", "Motorhome": "M"}
    found = parse_types(text, TERMS)
    assert (
        tuple(
            tuple(
                NAMESPACE + short[name.removeprefix(NAMESPACE)]
                if name.startswith(NAMESPACE)
                else name
                for name in together
            )
            for together in found
        )
        == expected
    )


@pytest.mark.parametrize("text", ["", "A,", "(A", "A)", "(A|B)", "A B", "1A", "A<", "A;"])
def test_what_is_no_type_selection_is_refused(text):
    with pytest.raises(BadRequestData, match=r"^type: at "):
        parse_types(text, TERMS)


def test_too_many_types_are_refused():
    with pytest.raises(TooComplexQuery):
        parse_types(",".join(["A"] * 502), TERMS)


@pytest.mark.parametrize(
    ("text", "scopes", "is_matched"),
    [
        ("/Madrid", ["/Madrid"], True),
        ("/Madrid", ["Madrid"], True),
        ("Madrid", ["/Madrid"], True),
        ("/Madrid", ["/Madrid/Gardens"], False),
        ("/Madrid/Gardens/#", ["/Madrid/Gardens"], True),
        ("/Madrid/Gardens/#", ["/Madrid/Gardens/ParqueNorte/Parterre1"], True),
        ("/Madrid/Gardens/#", ["/Madrid/GardensOfEden"], False),
        ("/Madrid/+/ParqueNorte", ["/Madrid/Sights/ParqueNorte"], True),
        ("/Madrid/+/ParqueNorte", ["/Madrid/ParqueNorte"], False),
        ("/Madrid/+/#", ["/Madrid/Sights/ParqueNorte/Tree"], True),
        ("(/Madrid/Districts;/CompanyA)", ["/Madrid/Districts", "/CompanyA"], True),
        ("(/Madrid/Districts;/CompanyA)", ["/Madrid/Districts"], False),
        ("(/Madrid/Districts;/CompanyA)|CompanyB", ["/CompanyB"], True),
        ("(/Madrid/Districts;/CompanyA),CompanyB", ["/CompanyA"], False),
        ("/A;/B", ["/A"], False),
        ("/#", ["/Any"], True),
        ("/#", [], False),
    ],
)
def test_scope_queries(text, scopes, is_matched):
    entity = Entity("urn:x:1", ("T",), scopes=tuple(scopes))
    assert compile_scopes(parse_scopes(text))(entity) is is_matched


@pytest.mark.parametrize("text", ["", "/", "/A/", "//A", "/A/#/B", "/9", "/A-B", "(/A", "/A;;/B"])
def test_what_is_no_scope_query_is_refused(text):
    with pytest.raises(BadRequestData, match=r"^scopeQ: at "):
        parse_scopes(text)


ENTITY = Entity("urn:x:1", ("A", "B"), {"urn:n": []}, expires_at="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("selector", "is_matched"),
    [
        (EntitySelector(), True),
        (EntitySelector(ids=("urn:x:1", "urn:x:2")), True),
        (EntitySelector(ids=("urn:x:2",)), False),
        (EntitySelector(ids=("urn:x:1",), id_pattern="nothing"), True),
        (EntitySelector(id_pattern="^urn:x"), True),
        (EntitySelector(id_pattern="2$"), False),
        (EntitySelector(types=(("A", "B"),)), True),
        (EntitySelector(types=(("A", "C"),)), False),
        (EntitySelector(types=(("A", "C"), ("B",))), True),
        (EntitySelector(ids=("urn:x:1",), types=(("C",),)), False),
    ],
)
def test_entity_selectors(selector, is_matched):
    assert matches(ENTITY, EntityQuery(selectors=(selector,))) is is_matched
    nothing = EntitySelector(ids=("urn:none",))
    assert matches(ENTITY, EntityQuery(selectors=(nothing, selector))) is is_matched


def test_one_of_the_attributes_is_enough_and_the_expired_never_match():
    assert matches(ENTITY, EntityQuery(attributes=("urn:m", "urn:n")))
    assert not matches(ENTITY, EntityQuery(attributes=("urn:m",)))
    assert matches(ENTITY, EntityQuery(now="2025-12-31T23:59:59.000000Z"))
    assert not matches(ENTITY, EntityQuery(now="2026-01-01T00:00:00.000000Z"))
    assert matches(ENTITY.evolve(expires_at=None), EntityQuery(now="2027-01-01T00:00:00.000000Z"))


def test_all_parts_of_a_query_have_to_hold():
    here = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [0, 0]}}
    entity = Entity("urn:x:1", ("A",), {"urn:n": [here]}, scopes=("/A",))
    there = Geometry("Point", (90.0, 0.0))
    parts = {
        "condition": (parse_q("urn:n", TERMS), parse_q("urn:m", TERMS)),
        "scope": (parse_scopes("/A"), parse_scopes("/B")),
        "geo": tuple(GeoQuery(name, there, "urn:n") for name in ("disjoint", "intersects")),
    }
    holding = {name: true for name, (true, _) in parts.items()}
    assert matches(entity, EntityQuery(**holding))
    for name, (_, false) in parts.items():
        assert not matches(entity, EntityQuery().evolve(**{**holding, name: false}))
