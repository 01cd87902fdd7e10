"""Hypothesis strategies: entities and queries over so few names and values that they often meet."""

from hypothesis import strategies as st

from broker.model.entity import Entity
from broker.query.ast import (
    And,
    Comparison,
    Exists,
    GeoQuery,
    OneOf,
    Operand,
    Or,
    Path,
    Pattern,
    Range,
    ScopePattern,
)
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.geo_parser import parse_geometry
from broker.query.geometries import indexable_geometry
from broker.query.operands import time_of

NAMES = ("https://e.org/a", "https://e.org/b.c$%")
SUB_NAME = "https://e.org/sub"
PLACE = "https://e.org/place"
TYPES = ("https://e.org/T", "https://e.org/U")
URIS = ("urn:x:1", "urn:x:2")
TIMES = (
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.5Z",
    "2026-01-01T00:00:00,500Z",
    "2025-12-31T23:59:59Z",
)
TEXTS = (
    "",
    "a",
    "b",
    "ab",
    "A\n",
    "é",
    "2026-01-01",
    "12:00:00Z",
    "12:00:00.5Z",
    *TIMES[:2],
    *URIS,
)
NOW = "2026-01-01T00:00:00.000000Z"

texts = st.sampled_from(TEXTS)
numbers = st.sampled_from((0, 1, 2, 1.5, -1, 10, 2**63, -0.0))
scalars = texts | numbers | st.booleans()
keys = st.sampled_from(("k", "m.n", "0", "$x"))
values = st.recursive(
    scalars | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=5,
)
typed = st.sampled_from(TIMES).map(lambda time: {"@type": "DateTime", "@value": time})
language_maps = st.dictionaries(
    st.sampled_from(("en", "zh-Hans")), texts | st.lists(texts, max_size=2), max_size=2
)
VALUES = {
    "Property": st.fixed_dictionaries({"value": values | typed}),
    "Relationship": st.fixed_dictionaries(
        {"object": st.sampled_from(URIS) | st.lists(st.sampled_from(URIS), max_size=2)}
    ),
    "LanguageProperty": st.fixed_dictionaries({"languageMap": language_maps}),
    "VocabProperty": st.fixed_dictionaries({"vocab": texts | st.lists(texts, max_size=2)}),
    "JsonProperty": st.fixed_dictionaries({"json": values}),
    "ListProperty": st.fixed_dictionaries({"valueList": st.lists(values, max_size=3)}),
    "ListRelationship": st.fixed_dictionaries(
        {"objectList": st.lists(st.sampled_from(URIS).map(lambda uri: {"object": uri}), max_size=2)}
    ),
}
members = st.fixed_dictionaries(
    {},
    optional={
        "observedAt": st.sampled_from(TIMES),
        "expiresAt": st.just("2027-01-01T00:00:00Z"),
        "createdAt": st.just(NOW),
        "unitCode": st.sampled_from(("CEL", "2026-01-01")),
    },
)


@st.composite
def instances(draw, depth=1):
    kind = draw(st.sampled_from(tuple(VALUES)))
    instance = {"type": kind, **draw(VALUES[kind]), **draw(members)}
    if depth > 0 and draw(st.booleans()):
        instance[SUB_NAME] = draw(attribute(depth - 1))
    return instance


@st.composite
def attribute(draw, depth=1):
    found = draw(st.lists(instances(depth), min_size=1, max_size=3))
    return [found[0], *({**each, "datasetId": f"urn:d:{i}"} for i, each in enumerate(found[1:]))]


@st.composite
def entities(draw):
    return Entity(
        id=f"urn:x:{draw(st.integers(0, 9_999))}",
        types=tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True))),
        attributes=draw(st.dictionaries(st.sampled_from(NAMES), attribute(), max_size=2)),
        scopes=tuple(
            draw(st.lists(st.sampled_from(("/A", "A", "/A/B", "/A/B/C", "/AB", "D/B")), max_size=2))
        ),
        created_at=NOW,
        modified_at="2026-01-02T00:00:00.000000Z",
        expires_at=draw(st.sampled_from((None, None, *TIMES))),
        version=1,
    )


operands = (
    (texts | st.sampled_from(TIMES)).map(lambda text: Operand(text, time_of(text)))
    | numbers.filter(lambda number: number < 2**63).map(Operand)
    | st.booleans().map(Operand)
)
ordered = operands.filter(lambda operand: not isinstance(operand.value, bool))
paths = (
    st.builds(
        Path,
        st.sampled_from(((NAMES[0],), (NAMES[1],), (NAMES[0], SUB_NAME))),
        st.none()
        | st.sampled_from(("observedAt", "createdAt", "expiresAt", "unitCode", "datasetId")),
    )
    | st.builds(
        Path,
        st.sampled_from(((NAMES[0],), (NAMES[0], SUB_NAME))),
        st.none(),
        st.lists(keys | st.sampled_from(("en", "zh-Hans")), min_size=1, max_size=2).map(tuple),
    )
    | st.builds(
        Path,
        st.just(()),
        st.sampled_from(("id", "type", "scope", "createdAt", "modifiedAt", "expiresAt")),
    )
)
patterns = st.sampled_from(("^a", "b$", "A$", ".", r"^\d+", "é|:"))
intervals = st.lists(ordered, min_size=2, max_size=2).filter(
    lambda ends: (
        isinstance(ends[0].value, str) == isinstance(ends[1].value, str)
        and (ends[0].time or "")[:1] == (ends[1].time or "")[:1]
        and (ends[0].time is None) == (ends[1].time is None)
    )
)
terms = (
    st.builds(Exists, paths, st.booleans())
    | st.builds(OneOf, paths, st.lists(operands, min_size=1, max_size=3).map(tuple), st.booleans())
    | st.builds(
        lambda path, ends, negated: Range(path, *ends, negated), paths, intervals, st.booleans()
    )
    | st.builds(Comparison, paths, st.sampled_from((">", ">=", "<", "<=")), ordered)
    | st.builds(
        Pattern, paths, st.sampled_from(("^a", "b$", "A$", ".", r"^\d+", "é|:")), st.booleans()
    )
)
conditions = st.recursive(
    terms,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda each: And(tuple(each)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda each: Or(tuple(each)))
    ),
    max_leaves=4,
)
type_expressions = st.lists(
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=2).map(tuple), max_size=2
).map(tuple)
scope_patterns = st.builds(
    ScopePattern,
    st.lists(st.sampled_from(("A", "B", "+")), min_size=1, max_size=3).map(tuple),
    st.booleans(),
) | st.just(ScopePattern((), with_subtree=True))
scopes = st.lists(st.lists(scope_patterns, min_size=1, max_size=2).map(tuple), max_size=2).map(
    tuple
)
selectors = st.builds(
    EntitySelector,
    st.lists(st.sampled_from(URIS), max_size=1).map(tuple),
    st.none() | st.sampled_from(("1$", "^urn:x:[0-4]", "2")),
    type_expressions,
)
queries = st.builds(
    EntityQuery,
    selectors=st.lists(selectors, max_size=2).map(tuple),
    attributes=st.lists(st.sampled_from(NAMES), max_size=1).map(tuple),
    condition=st.none() | conditions,
    scope=scopes,
    now=st.just(NOW),
)

# ---------------------------------------------------------------------------------- geometries
# Coordinates are multiples of 1/8 degree that the reference geometries, shifted by 1/16 and
# 1/32 degree, never touch: on a border the database and shapely may differ.

RELATIONS = ("near", "within", "contains", "intersects", "equals", "disjoint", "overlaps")
eighths = st.integers(-4, 4).map(lambda number: number / 8)
points = st.tuples(eighths, eighths).map(list)
shapes = st.one_of(
    points.map(lambda point: {"type": "Point", "coordinates": point}),
    st.lists(points, min_size=1, max_size=3).map(
        lambda found: {"type": "MultiPoint", "coordinates": found}
    ),
    st.lists(points, min_size=2, max_size=3).map(
        lambda line: {"type": "LineString", "coordinates": line}
    ),
    st.tuples(points, points).map(
        lambda corners: {"type": "Polygon", "coordinates": [_rectangle(*corners)]}
    ),
)


def _rectangle(one, other):
    (west, south), (east, north) = one, other
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@st.composite
def places(draw):
    found = draw(st.lists(shapes, min_size=1, max_size=2))
    attributes = {PLACE: [{"type": "GeoProperty", "value": shape} for shape in found]}
    for index, instance in enumerate(attributes[PLACE][1:]):
        instance["datasetId"] = f"urn:d:{index}"
    return draw(entities()).evolve(attributes=attributes, expires_at=None)


def _shifted(coordinates):
    if isinstance(coordinates[0], list):
        return [_shifted(each) for each in coordinates]
    return [coordinates[0] + 1 / 16, coordinates[1] + 1 / 32]


@st.composite
def geo_queries(draw):
    shape = draw(shapes.filter(_is_drawable))
    reference = parse_geometry(shape["type"], _shifted(shape["coordinates"]), parameter="test")
    relation = draw(
        st.sampled_from(
            ("near", "within", "contains", "intersects", "equals", "disjoint", "overlaps")
        )
    )
    if relation != "near":
        return GeoQuery(relation, reference, PLACE)
    metres = draw(st.sampled_from((1000.0, 20_000.0, 50_000.0, 100_000.0, 5_000_000.0)))
    if draw(st.booleans()):
        return GeoQuery(relation, reference, PLACE, max_distance=metres)
    return GeoQuery(relation, reference, PLACE, min_distance=metres)


def _is_drawable(shape):
    return indexable_geometry(shape) is not None
