from typing import Any

import pytest

from broker.model.entity import NULL, Entity
from broker.representations.linked import (
    Links,
    missing_targets,
    targets_of,
    write_flat,
    write_inline,
)
from broker.representations.options import RepresentationOptions
from broker.representations.reading import read_entity
from broker.representations.selection import parse_selection

PLAIN = RepresentationOptions()
SIMPLIFIED = RepresentationOptions(form="simplified")


@pytest.fixture(scope="module")
def graph(terms) -> dict[str, Entity]:
    """A house in Kobe in Japan; Japan links back to Kobe, and the house to two people."""
    bodies: list[dict[str, Any]] = [
        {
            "id": "urn:x:house",
            "type": "House",
            "name": "house",
            "city": {"object": "urn:x:kobe", "observedAt": "2026-01-01T00:00:00Z"},
            "people": {"object": ["urn:x:ai", "urn:x:nobody", "urn:x:ken"]},
            "stops": {"objectList": ["urn:x:ken", "urn:x:ai", "urn:x:nobody"]},
        },
        {"id": "urn:x:kobe", "type": "City", "name": "Kobe", "country": {"object": "urn:x:japan"}},
        {"id": "urn:x:japan", "type": "Country", "name": "Japan", "port": {"object": "urn:x:kobe"}},
        {"id": "urn:x:ai", "type": "Person", "name": "Ai"},
        {"id": "urn:x:ken", "type": "Person", "name": "Ken"},
    ]
    return {body["id"]: read_entity(body, terms) for body in bodies}


def load(graph, roots: list[str], links: Links, options=PLAIN) -> dict[str, Entity | None]:
    """Load level by level, as the operation does; no id is asked for twice."""
    loaded: dict[str, Entity | None] = {}
    entities = [graph[root] for root in roots]
    while missing := missing_targets(entities, links, options, loaded):
        assert missing.isdisjoint(loaded)
        loaded |= {target: graph.get(target) for target in missing}
    return loaded


def inline(graph, terms, root: str, levels: int, options=PLAIN, contained_by=()) -> dict[str, Any]:
    links = Links(levels, frozenset(contained_by))
    loaded = load(graph, [root], links, options)
    return write_inline(graph[root], terms, options, links, loaded)


def test_only_what_can_be_shown_is_loaded(graph, terms):
    people = {"urn:x:ai", "urn:x:ken", "urn:x:nobody"}
    assert load(graph, ["urn:x:house"], Links(0)) == {}
    assert set(load(graph, ["urn:x:house"], Links(1))) == people | {"urn:x:kobe"}
    assert set(load(graph, ["urn:x:house"], Links(2))) == people | {"urn:x:kobe", "urn:x:japan"}
    assert set(load(graph, ["urn:x:kobe"], Links(9))) == {"urn:x:japan"}
    pick = RepresentationOptions(pick=parse_selection("city{name}", terms))
    assert set(load(graph, ["urn:x:house"], Links(9), pick)) == {"urn:x:kobe"}
    assert "urn:x:ai" not in load(graph, ["urn:x:house"], Links(1, frozenset({"urn:x:ai"})))


def test_linked_entities_inside_relationships(graph, terms):
    body = inline(graph, terms, "urn:x:house", 1)
    name = {"type": "Property"}
    ai = {"id": "urn:x:ai", "type": "Person", "name": {**name, "value": "Ai"}}
    ken = {"id": "urn:x:ken", "type": "Person", "name": {**name, "value": "Ken"}}
    assert body["city"] == {
        "type": "Relationship",
        "object": "urn:x:kobe",
        "observedAt": "2026-01-01T00:00:00Z",
        "entity": {
            "id": "urn:x:kobe",
            "type": "City",
            "name": {**name, "value": "Kobe"},
            "country": {"type": "Relationship", "object": "urn:x:japan"},
        },
    }
    assert body["people"]["entity"] == [ai, ken]
    assert body["stops"]["entityList"] == [ken, ai]
    assert body["name"] == {**name, "value": "house"}
    deeper = inline(graph, terms, "urn:x:house", 2)
    assert deeper["city"]["entity"]["country"]["entity"]["id"] == "urn:x:japan"
    concise = inline(graph, terms, "urn:x:kobe", 1, RepresentationOptions(form="concise"))
    assert concise["country"] == {
        "object": "urn:x:japan",
        "entity": {
            "id": "urn:x:japan",
            "type": "Country",
            "name": "Japan",
            "port": {"object": "urn:x:kobe"},
        },
    }


def test_a_circle_ends_where_it_began(graph, terms):
    body = inline(graph, terms, "urn:x:kobe", 9)
    assert body["country"]["entity"]["port"] == {"type": "Relationship", "object": "urn:x:kobe"}


def test_what_was_met_before_is_not_repeated(graph, terms):
    body = inline(graph, terms, "urn:x:house", 2, contained_by=["urn:x:japan", "urn:x:ai"])
    assert "entity" not in body["city"]["entity"]["country"]
    assert [found["id"] for found in body["people"]["entity"]] == ["urn:x:ken"]


def test_a_deleted_relationship_links_to_nothing():
    assert targets_of({"type": "Relationship", "object": NULL}) == []
    assert targets_of({"type": "ListRelationship", "objectList": [{"object": NULL}]}) == []


def test_no_link_no_change(graph, terms):
    assert inline(graph, terms, "urn:x:ai", 3) == inline(graph, terms, "urn:x:ai", 0)


def test_simplified_linked_entities_take_the_place_of_their_ids(graph, terms):
    body = inline(graph, terms, "urn:x:house", 1, SIMPLIFIED)
    assert body["city"]["name"] == "Kobe"
    assert body["people"] == [
        {"id": "urn:x:ai", "type": "Person", "name": "Ai"},
        "urn:x:nobody",
        {"id": "urn:x:ken", "type": "Person", "name": "Ken"},
    ]
    assert body["stops"][2] == "urn:x:nobody"


def test_several_instances_link_each_for_itself(graph, terms):
    entity = read_entity(
        {
            "id": "urn:x:bus",
            "type": "Bus",
            "at": [
                {"object": "urn:x:kobe"},
                {"object": "urn:x:nobody", "datasetId": "urn:d:1"},
                {"value": "urn:x:kobe", "datasetId": "urn:d:2"},
            ],
        },
        terms,
    )
    links, loaded = Links(1), {"urn:x:kobe": graph["urn:x:ai"], "urn:x:nobody": None}
    body = write_inline(entity, terms, PLAIN, links, loaded)
    assert [instance.get("entity", {}).get("id") for instance in body["at"]] == [
        "urn:x:ai",
        None,
        None,
    ]
    simplified = write_inline(entity, terms, SIMPLIFIED, links, loaded)
    assert simplified["at"]["dataset"] == {
        "@none": {"id": "urn:x:ai", "type": "Person", "name": "Ai"},
        "urn:d:1": "urn:x:nobody",
        "urn:d:2": "urn:x:kobe",
    }


def flat(graph, terms, roots: list[str], levels: int, options=PLAIN, contained_by=()) -> list[Any]:
    links = Links(levels, frozenset(contained_by))
    loaded = load(graph, roots, links, options)
    return write_flat([graph[root] for root in roots], terms, options, links, loaded)


def test_linked_entities_behind_the_others(graph, terms):
    bodies = flat(graph, terms, ["urn:x:house", "urn:x:ken"], 1)
    assert [body["id"] for body in bodies] == [
        "urn:x:house",
        "urn:x:ken",
        "urn:x:kobe",
        "urn:x:ai",
    ]
    assert "entity" not in bodies[0]["city"]
    assert [body["id"] for body in flat(graph, terms, ["urn:x:kobe"], 9)] == [
        "urn:x:kobe",
        "urn:x:japan",
    ]
    assert len(flat(graph, terms, ["urn:x:kobe"], 9, contained_by=["urn:x:japan"])) == 1
    assert len(flat(graph, terms, ["urn:x:kobe"], 0)) == 1


def test_a_projection_speaks_of_each_level(graph, terms):
    pick = RepresentationOptions(pick=parse_selection("id,city{id,country{name}}", terms))
    assert inline(graph, terms, "urn:x:house", 2, pick) == {
        "id": "urn:x:house",
        "city": {
            "type": "Relationship",
            "object": "urn:x:kobe",
            "observedAt": "2026-01-01T00:00:00Z",
            "entity": {
                "id": "urn:x:kobe",
                "country": {
                    "type": "Relationship",
                    "object": "urn:x:japan",
                    "entity": {"name": {"type": "Property", "value": "Japan"}},
                },
            },
        },
    }
    omit = RepresentationOptions(omit=parse_selection("type,people,stops,city{name}", terms))
    house, kobe = flat(graph, terms, ["urn:x:house"], 1, omit)
    assert set(house) == {"id", "name", "city"}
    assert set(kobe) == {"id", "type", "country"}
