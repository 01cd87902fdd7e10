"""One query, two back ends: the database filter and the Python predicate find the same entities."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.collection import Collection

from broker.model.entity import Entity
from broker.query.ast import GeoQuery, Path, Pattern
from broker.query.geo_parser import parse_geometry
from broker.query.matching import matches
from broker.storage.mongo.documents import encode_entity
from broker.storage.mongo.filters import not_expired, query_filter
from broker.storage.mongo.filters_geo import path_of_geometry
from tests import queries

BY_EXAMPLE = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def collection(mongodb_uri: str, database_prefix: str) -> Iterator[Collection[dict[str, Any]]]:
    with MongoClient(mongodb_uri) as client:
        found = client[database_prefix]["entities"]
        found.create_index([(path_of_geometry(queries.PLACE), "2dsphere")])
        yield found


def _store(collection, entities):
    entities = list({entity.id: entity for entity in entities}.values())
    collection.delete_many({})
    collection.insert_many([encode_entity(entity) for entity in entities])
    return entities


def _found(collection, filter_):
    return {document["_id"] for document in collection.find(filter_, {"_id": 1})}


def _check(collection, entities, query):
    filters = query_filter(query.evolve(now=""))
    expected = {entity.id for entity in entities if matches(entity, query)}
    candidates = _found(collection, {"$and": [filters.candidates, not_expired(queries.NOW)]})
    if filters.is_exact:
        assert candidates == expected
    assert candidates >= expected
    if filters.certain is not None:
        certain = _found(collection, {"$and": [filters.certain, not_expired(queries.NOW)]})
        assert certain <= expected


@BY_EXAMPLE
@given(
    st.lists(queries.entities(), min_size=1, max_size=8),
    st.lists(queries.queries, min_size=1, max_size=10),
)
def test_filter_and_predicate_find_the_same_entities(collection, entities, found_queries):
    entities = _store(collection, entities)
    for query in found_queries:
        _check(collection, entities, query)


@BY_EXAMPLE
@given(
    st.lists(queries.entities(), min_size=3, max_size=8),
    st.lists(queries.terms, min_size=1, max_size=30),
)
def test_filter_and_predicate_agree_on_every_kind_of_term(collection, entities, terms):
    entities = _store(collection, entities)
    for term in terms:
        _check(collection, entities, queries.EntityQuery(condition=term, now=queries.NOW))


def test_an_instance_that_has_a_pattern_hides_none_that_has_not(collection):
    sub = [
        {"type": "Property", "value": ""},
        {"type": "Relationship", "object": "urn:x:1", "datasetId": "urn:d:0"},
        {"type": "Property", "value": "a", "datasetId": "urn:d:1"},
    ]
    name, sub_name = queries.NAMES[0], "https://e.org/sub"
    entity = Entity(
        "urn:x:0", ("https://e.org/T",), {name: [{"type": "Property", "value": "a", sub_name: sub}]}
    )
    _store(collection, [entity])
    for path in (Path((name, sub_name)), Path((name,))):
        for is_negated in (True, False):
            term = Pattern(path, ".", is_negated)
            _check(collection, [entity], queries.EntityQuery(condition=term, now=queries.NOW))
    assert matches(
        entity, queries.EntityQuery(condition=Pattern(Path((name, sub_name)), ".", True))
    )


@BY_EXAMPLE
@given(
    st.lists(queries.places(), min_size=1, max_size=8),
    st.lists(queries.geo_queries(), min_size=1, max_size=8),
)
def test_filter_and_predicate_agree_on_every_relation_and_geometry(collection, places, geo_queries):
    places = _store(collection, places)
    for geo in geo_queries:
        _check(collection, places, queries.EntityQuery(geo=geo, now=queries.NOW))


UNIT = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
BESIDE_THE_UNIT = [
    *(
        ("Polygon", [[[x + i, y + j] for i, j in UNIT]])
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (0.5, 0.5), (3, 0))
    ),
    *(("LineString", [list(start), list(end)]) for start, end in pairwise(UNIT)),
    ("LineString", [[1, 1], [2, 2]]),
    ("LineString", [[0, 0], [-1, -1]]),
    *(("Point", position) for position in ([0, 0], [1, 1], [1, 0.5], [0, 0.5], [2, 2])),
    ("MultiPoint", [[0, 0.5], [5, 5]]),
]


def test_what_shares_no_more_than_a_border_touches(collection):
    """Simple Features, which 4.10 refers to, has it intersect; to the database it is apart."""
    places = _store(
        collection,
        [
            Entity(
                f"urn:x:{number}",
                ("https://e.org/T",),
                {
                    queries.PLACE: [
                        {
                            "type": "GeoProperty",
                            "value": {"type": kind, "coordinates": coordinates},
                        }
                    ]
                },
            )
            for number, (kind, coordinates) in enumerate(BESIDE_THE_UNIT)
        ],
    )
    for kind, coordinates in (("Polygon", [UNIT]), *BESIDE_THE_UNIT):
        reference = parse_geometry(kind, coordinates, parameter="test")
        for relation in ("within", "contains", "intersects", "equals", "disjoint", "overlaps"):
            geo = GeoQuery(relation, reference, queries.PLACE)
            _check(collection, places, queries.EntityQuery(geo=geo, now=queries.NOW))
