"""Which registrations a request matches (clauses 5.12, 5.10.2.4)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.registration import EntityInfo, Registration, RegistrationInfo
from broker.query.entity_query import EntitySelector
from broker.query.geo_parser import parse_geo_query
from broker.query.q_parser import parse_q
from broker.query.registration_query import RegistrationQuery
from broker.query.selection import parse_scopes, parse_types
from broker.query.temporal import parse_time_query
from broker.registrations.matching import compile_selection, matches_entities, matches_information
from tests.registrations import CORE, info, name, registration

A, B = "urn:x:a", "urn:x:b"


def query(types: str = "", ids: tuple[str, ...] = (), pattern: str | None = None, **rest: Any):
    selector = EntitySelector(ids, pattern, parse_types(types, CORE) if types else ())
    rest["attributes"] = frozenset(map(name, rest.pop("attributes", ())))
    selectors = () if selector == EntitySelector() else (selector,)
    return RegistrationQuery(selectors, **rest)


def found(one: Registration, asked: RegistrationQuery) -> bool:
    return compile_selection(asked, CORE)(one) is not None


@pytest.mark.parametrize(
    ("entity", "asked", "expected"),
    [
        ({"type": "T"}, query("T"), True),
        ({"type": "T"}, query("U"), False),
        ({"type": "T"}, query("U,T"), True),
        ({"type": "T"}, query("*"), True),
        ({"type": "T"}, query("(T;U)"), False),
        ({"type": ["T", "U"]}, query("(T;U)"), True),
        ({"type": ["T", "U"]}, query("U"), True),
        ({"type": "T"}, query(ids=(A,)), True),
        ({"type": "T", "id": A}, query("T"), True),
        ({"type": "T", "id": A}, query(ids=(B, A)), True),
        ({"type": "T", "id": A}, query(ids=(B,)), False),
        ({"type": "T", "id": A}, query("U", ids=(A,)), False),
        ({"type": "T", "idPattern": "a$"}, query(ids=(B, A)), True),
        ({"type": "T", "idPattern": "a$"}, query(ids=(B,)), False),
        ({"type": "T", "id": A}, query(pattern="a$"), True),
        ({"type": "T", "id": A}, query(pattern="b$"), False),
        ({"type": "T", "idPattern": "a$"}, query(pattern="b$"), True),
        ({"type": "T", "id": A, "idPattern": "b$"}, query(ids=(B,)), False),
        ({"type": "T"}, query(pattern="b$"), True),
    ],
)
def test_entities(entity: dict[str, Any], asked: RegistrationQuery, expected: bool) -> None:
    assert found(registration(info(entity)), asked) is expected


@pytest.mark.parametrize(
    ("properties", "links", "asked", "expected"),
    [
        ("", "", ("p",), True),
        ("p q", "", (), True),
        ("p q", "", ("r", "q"), True),
        ("p", "r", ("r",), True),
        ("p", "r", ("s",), False),
    ],
)
def test_attributes(properties: str, links: str, asked: tuple[str, ...], expected: bool) -> None:
    one = registration(info("T", properties=properties, links=links))
    assert found(one, query("T", attributes=asked)) is expected


def test_entities_and_attributes_match_in_the_same_element() -> None:
    one = registration(info("T", properties="p"), info("U", properties="q"))
    assert not found(one, query("T", attributes=("q",)))
    assert found(one, query("U", attributes=("q",)))


def test_an_element_without_entities_is_about_all_of_them() -> None:
    one = registration(info(properties="p"))
    assert found(one, query("T", ids=(A,), attributes=("p",)))
    assert not found(one, query("T", attributes=("q",)))


def test_only_the_information_that_matches_is_left() -> None:
    one = registration(info("T"), info("U"), info("T", properties="p"))
    part = compile_selection(query("T", attributes=("p",)), CORE)(one)
    assert part is not None
    assert [element["entities"][0]["type"] for element in part.definition["information"]] == [
        name("T"),
        name("T"),
    ]
    assert len(one.information) == 3


@pytest.mark.parametrize(
    ("registered", "asked", "expected"),
    [
        (None, (), True),
        (["urn:d:1"], (), True),
        (None, ("urn:d:1",), True),
        (["urn:d:1", "@none"], ("urn:d:2", "@none"), True),
        (["urn:d:1"], ("urn:d:2",), False),
    ],
)
def test_dataset_ids(registered: list[str] | None, asked: tuple[str, ...], expected: bool) -> None:
    one = registration(datasetId=registered)
    assert found(one, query("Sensor", dataset_ids=frozenset(asked))) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('endpoint=="http://source.example:1026"', True),
        ('endpoint~="source"', True),
        ('registrationName=="other"', False),
        ('description=="a source";mode=="inclusive"', True),
        ("operations==federationOps", True),
        ("owner[name]==me", True),
        ("owner[name]==you|rank>4", True),
        ("rank>5", False),
        ('tier=="gold"', True),
        ("management[timeout]>100", True),
        ('id~="urn:"', True),
        ("contextSourceAlias", False),
        ("expiresAt>2900-01-01T00:00:00Z", True),
    ],
)
def test_the_filter_of_sources_looks_at_their_members(text: str, expected: bool) -> None:
    one = registration(
        description="a source",
        expiresAt="2999-01-01T00:00:00Z",
        management={"timeout": 500},
        owner={"name": "me"},
        rank=5,
        tier={"type": "Property", "value": "gold"},
    )
    csf = parse_q(text, CORE, parameter="csf")
    assert found(one, query("Sensor", source_filter=csf)) is expected


@pytest.mark.parametrize(
    ("scope", "expected"), [("/a/#", True), ("/a", False), ("/b", False), ("/+/b", True)]
)
def test_scopes(scope: str, expected: bool) -> None:
    one = registration(scope=["/a/b"])
    assert found(one, query("Sensor", scope=parse_scopes(scope))) is expected
    assert not found(registration(), query("Sensor", scope=parse_scopes(scope)))


SQUARE = [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]
INNER = [[[0.5, 0.5], [1, 0.5], [1, 1], [0.5, 1], [0.5, 0.5]]]


@pytest.mark.parametrize(
    ("location", "georel", "reference", "expected"),
    [
        (("Point", [1, 1]), "near;maxDistance==1000", ("Point", [1, 1.005]), True),
        (("Point", [1, 1]), "near;maxDistance==1000", ("Point", [1, 1.1]), False),
        (("Point", [1, 1]), "within", ("Polygon", SQUARE), True),
        (("Point", [5, 5]), "within", ("Polygon", SQUARE), False),
        (("Polygon", SQUARE), "within", ("Polygon", INNER), True),
        (("Polygon", SQUARE), "contains", ("Point", [1, 1]), True),
        (("Polygon", SQUARE), "contains", ("Point", [5, 1]), False),
        (("Polygon", SQUARE), "equals", ("Point", [1, 1]), True),
        (("Polygon", SQUARE), "equals", ("Point", [5, 1]), False),
        (("Polygon", SQUARE), "disjoint", ("Polygon", INNER), True),
        (("Polygon", INNER), "disjoint", ("Polygon", SQUARE), False),
        (("Polygon", SQUARE), "overlaps", ("Polygon", INNER), True),
        (("Polygon", SQUARE), "intersects", ("Point", [5, 1]), False),
        (("Polygon", SQUARE), "near;minDistance==100000", ("Point", [0, 0]), True),
        (("Polygon", SQUARE), "near;minDistance==900000", ("Point", [0, 0]), False),
        (("Polygon", SQUARE), "near;maxDistance==10", ("Point", [1, 1]), True),
    ],
)
def test_a_location_matches_or_may_contain_one_that_does(
    location: tuple[str, Any], georel: str, reference: tuple[str, Any], expected: bool
) -> None:
    geo = parse_geo_query(
        georel=georel, geometry=reference[0], coordinates=reference[1], geoproperty=None, terms=CORE
    )
    kind, coordinates = location
    one = registration(location={"type": kind, "coordinates": coordinates})
    assert found(one, query("Sensor", geo=geo)) is expected
    assert not found(registration(), query("Sensor", geo=geo))


LATE, EARLY = "2021-06-01T00:00:00Z", "2019-06-01T00:00:00Z"
YEAR = {"startAt": "2020-01-01T00:00:00Z", "endAt": "2021-01-01T00:00:00Z"}
OPEN = {"startAt": "2020-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("interval", "asked", "expected"),
    [
        (YEAR, {"timerel": "before", "timeAt": "2020-06-01T00:00:00Z"}, True),
        (YEAR, {"timerel": "before", "timeAt": YEAR["endAt"]}, True),
        (YEAR, {"timerel": "before", "timeAt": LATE}, True),
        (YEAR, {"timerel": "before", "timeAt": EARLY}, False),
        (YEAR, {"timerel": "after", "timeAt": EARLY}, True),
        (YEAR, {"timerel": "after", "timeAt": LATE}, False),
        (YEAR, {"timerel": "after", "timeAt": YEAR["startAt"]}, True),
        (YEAR, {"timerel": "between", "timeAt": EARLY, "endTimeAt": LATE}, True),
        (YEAR, {"timerel": "between", "timeAt": LATE, "endTimeAt": "2022-01-01T00:00:00Z"}, False),
        (YEAR, {"timerel": "between", "timeAt": EARLY, "endTimeAt": YEAR["startAt"]}, True),
        (OPEN, {"timerel": "after", "timeAt": LATE}, True),
        (OPEN, {"timerel": "after", "timeAt": EARLY}, True),
    ],
)
def test_intervals(interval: dict[str, str], asked: dict[str, str], expected: bool) -> None:
    observed = registration(observationInterval=interval)
    managed = registration(managementInterval=interval)
    time, created = parse_time_query(asked), parse_time_query(asked | {"timeproperty": "createdAt"})
    assert found(observed, query("Sensor", time=time)) is expected
    assert found(managed, query("Sensor", time=created)) is expected
    assert not found(managed, query("Sensor", time=time))
    assert not found(observed, query("Sensor", time=created))
    assert not found(registration(), query("Sensor", time=time))
    assert not found(observed, query("Sensor"))


IDS = st.sampled_from([A, B, "urn:y:a"])
PATTERNS = st.sampled_from(["a$", "^urn:x:", "b", "z"])
TYPES = st.lists(st.sampled_from("TUV"), min_size=1, max_size=2, unique=True).map(tuple)
INFOS = st.builds(EntityInfo, TYPES, st.none() | IDS, st.none() | PATTERNS)
SELECTORS = st.builds(
    EntitySelector,
    st.lists(IDS, max_size=2, unique=True).map(tuple),
    st.none() | PATTERNS,
    st.lists(TYPES, max_size=2).map(tuple),
)


@given(INFOS, SELECTORS)
def test_no_entity_both_are_about_is_missed(one: EntityInfo, selector: EntitySelector) -> None:
    """Whatever entity of the source a request selects, the source is asked (never too few)."""
    for entity_id in (A, B, "urn:y:a"):
        if one.id is not None:
            is_there = one.id == entity_id
        else:
            is_there = one.id_pattern is None or bool(re.search(one.id_pattern, entity_id))
        if selector.ids:
            is_asked = entity_id in selector.ids
        else:
            is_asked = selector.id_pattern is None or bool(
                re.search(selector.id_pattern, entity_id)
            )
        of_type = not selector.types or any(
            set(types) <= set(one.types) for types in selector.types
        )
        if is_there and is_asked and of_type:
            assert matches_entities(one, selector)


@given(INFOS, SELECTORS)
def test_without_patterns_nobody_is_asked_in_vain(
    one: EntityInfo, selector: EntitySelector
) -> None:
    if matches_entities(one, selector) and one.id is not None and selector.ids:
        assert one.id in selector.ids


NAMES = st.frozensets(st.sampled_from("pqr"))


@given(st.lists(INFOS, max_size=2).map(tuple), NAMES, st.lists(SELECTORS, max_size=2), NAMES)
def test_what_says_nothing_restricts_nothing(
    entities: tuple[EntityInfo, ...],
    names: frozenset[str],
    selectors: list[EntitySelector],
    asked: frozenset[str],
) -> None:
    one = RegistrationInfo(entities, names)
    wanted = RegistrationQuery(tuple(selectors), asked)
    if matches_information(one, wanted):
        for wider in (RegistrationInfo((), names), RegistrationInfo(entities)):
            assert matches_information(wider, wanted)
        for wider_query in (wanted.evolve(selectors=()), wanted.evolve(attributes=frozenset())):
            assert matches_information(one, wider_query)
