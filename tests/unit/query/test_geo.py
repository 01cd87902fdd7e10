"""Geo-queries (clause 4.10) and orderings (clause 4.23): parameters, and what they mean."""

import pytest

from broker.model.entity import Entity
from broker.model.errors import BadRequestData, TooComplexQuery
from broker.query.ast import Geometry, Ordering, OrderTerm, Path
from broker.query.geo_parser import parse_geo_query
from broker.query.geometries import haversine, indexable_geometry
from broker.query.order_parser import parse_ordering
from broker.query.spatial import compile_geo
from tests.terms import NAMESPACE, TERMS

SQUARE = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
PARALLEL = [[0, 60], [10, 60]]
HOLED = [*SQUARE, [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]]


def query(georel="within", geometry="Polygon", coordinates=SQUARE, geoproperty=None):
    return parse_geo_query(
        georel=georel,
        geometry=geometry,
        coordinates=coordinates,
        geoproperty=geoproperty,
        terms=TERMS,
    )


def place(kind, coordinates, name="location"):
    instance = {"type": "GeoProperty", "value": {"type": kind, "coordinates": coordinates}}
    return Entity("urn:x:1", ("T",), {NAMESPACE + name: [instance]})


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "target", "expected"),
    [
        ("near;maxDistance==2000", "Point", [0, 0], ("Point", [0, 0.017]), True),
        ("near;maxDistance==2000", "Point", [0, 0], ("Point", [0, 0.019]), False),
        ("near;minDistance==2000", "Point", [0, 0], ("Point", [0, 0.019]), True),
        ("near;minDistance==2000", "Point", [0, 0], ("Point", [0, 0.017]), False),
        # from the nearest place of either geometry, in metres at every latitude
        ("near;maxDistance==2000", "LineString", PARALLEL, ("Point", [10, 60.009]), True),
        ("near;maxDistance==2000", "LineString", PARALLEL, ("Point", [10, 61]), False),
        ("near;maxDistance==20000", "Point", [0, 85], ("LineString", [[1, 85], [0, 85.6]]), True),
        ("near;maxDistance==5000", "Point", [0, 85], ("LineString", [[1, 85], [0, 85.6]]), False),
        ("near;maxDistance==1", "Point", [2, 2], ("Polygon", SQUARE), True),
        ("near;maxDistance==12000", "Point", [4.1, 2], ("Polygon", SQUARE), True),
        ("near;maxDistance==10000", "Point", [4.1, 2], ("Polygon", SQUARE), False),
        ("near; maxDistance == 20e2", "Point", "[0,0]", ("Point", [0, 0.017]), True),
        ("within", "Polygon", SQUARE, ("Point", [2, 2]), True),
        ("within", "Polygon", SQUARE, ("Point", [5, 2]), False),
        ("within", "Polygon", HOLED, ("Point", [2, 2]), False),
        ("within", "MultiPolygon", [SQUARE], ("LineString", [[1, 1], [2, 2]]), True),
        ("contains", "Point", [2, 2], ("Polygon", SQUARE), True),
        ("contains", "Point", [2, 2], ("Point", [1, 1]), False),
        ("intersects", "LineString", [[-1, 2], [5, 2]], ("Polygon", SQUARE), True),
        ("disjoint", "LineString", [[-1, 9], [5, 9]], ("Polygon", SQUARE), True),
        ("equals", "Point", [1, 2], ("Point", [1, 2, 99]), True),
        ("equals", "LineString", [[0, 0], [1, 0]], ("LineString", [[1, 0], [0, 0]]), True),
        ("overlaps", "Polygon", SQUARE, ("Polygon", [[[2, 2], [6, 2], [6, 6], [2, 2]]]), True),
        ("overlaps", "Polygon", SQUARE, ("Polygon", [[[1, 1], [2, 1], [2, 2], [1, 1]]]), False),
    ],
)  # fmt: skip
def test_relations(georel, geometry, coordinates, target, expected):
    assert compile_geo(query(georel, geometry, coordinates))(place(*target)) is expected


def test_edges_are_arcs_of_great_circles():
    # the arc between two places at 60 degrees north passes north of the parallel
    area = query(coordinates=[[[0, 50], [40, 50], [40, 60], [0, 60], [0, 50]]])
    assert compile_geo(area)(place("Point", [20, 61]))


def test_an_entity_without_the_geoproperty_does_not_match():
    entity = place("Point", [2, 2])
    assert not compile_geo(query(geoproperty="observationSpace"))(entity)
    assert compile_geo(query(geoproperty="x"))(place("Point", [2, 2], name="x"))
    not_geo = {f"{NAMESPACE}location": [{"type": "Property", "value": {"type": "Point"}}]}
    assert not compile_geo(query("disjoint"))(entity.evolve(attributes=not_geo))


def test_distances_are_on_a_sphere():
    assert haversine((0, 0), (0, 90)) == pytest.approx(6_378_100 * 3.14159265 / 2)
    assert haversine((179.5, 0), (-179.5, 0)) == pytest.approx(111_318.8, abs=1)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"georel": "near"}, "near;maxDistance==<metres>"),
        ({"georel": "touches"}, "within"),
        ({"georel": 5}, "georel 5"),
        ({"georel": None}, "georel is missing"),
        ({"geometry": None}, "geometry is missing"),
        ({"coordinates": None}, "coordinates is missing"),
        ({"georel": "near;maxDistance==0"}, "greater than 0"),
        ({"georel": "near;maxDistance==-100"}, "greater than 0"),
        ({"georel": "near;maxDistance==inf"}, "greater than 0"),
        ({"georel": "near;maxDistance==1e400"}, "greater than 0"),
        ({"georel": "near;maxDistance==5;minDistance==1"}, "greater than 0"),
        ({"geometry": "Circle"}, "types Point"),
        ({"geometry": "GeometryCollection"}, "types Point"),
        ({"coordinates": "8,40"}, "JSON array"),
        ({"coordinates": "[" * 100_000}, "JSON array"),
        ({"coordinates": [8, 40]}, "coordinates"),
        ({"coordinates": [[[0, 0], [1, 1], [1, 0]]]}, "at least 4"),
        ({"coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "crosses"),
        ({"coordinates": [[[0, 0], [200, 1], [1, 0], [0, 0]]]}, "longitude"),
        ({"geoproperty": 5}, "GeoProperty"),
    ],
)
def test_malformed_parameters_are_refused_with_the_reason(parameters, expected):
    given = {"georel": "within", "geometry": "Polygon", "coordinates": SQUARE, **parameters}
    with pytest.raises(BadRequestData, match=expected):
        query(**given)


def test_endless_coordinates_are_refused():
    with pytest.raises(TooComplexQuery):
        query(coordinates=" " * 1_000_001)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[16.5, -27.6], [178.3, -40], [58.8, 70], [70, 39.3],
                                             [-160, -60], [16.5, -27.6]]]},
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "LineString", "coordinates": [[0, 0], [0, 0]]},
        {"type": "LineString", "coordinates": [[0, 0], [180, 0]]},
        {"type": "Point", "coordinates": [181, 0]},
        {"type": "Point", "coordinates": ["x", 0]},
        {"type": "Point", "coordinates": [1]},
        {"type": "Nothing", "coordinates": [1]},
        {"type": "MultiPoint", "coordinates": []},
        {},
    ],
)  # fmt: skip
def test_what_the_database_cannot_index_is_left_out(geometry):
    assert indexable_geometry(geometry) is None


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [1, 2]),
        ("MultiPoint", [[1, 2], [1, 2]]),
        ("LineString", [[0, 0], [90, 0]]),
        ("MultiLineString", [[[0, 0], [1, 1]]]),
        ("Polygon", HOLED),
        ("MultiPolygon", [SQUARE, [[[9, 9], [10, 9], [10, 10], [9, 9]]]]),
    ],
)
def test_what_it_can_is_flat(kind, coordinates):
    geometry = {"type": kind, "coordinates": coordinates}
    assert indexable_geometry(geometry) == geometry


def term(*names, member=None, keys=(), **direction):
    path = Path(tuple(NAMESPACE + name for name in names), member, keys)
    return OrderTerm(path, **direction)


@pytest.mark.parametrize(
    ("order_by", "terms"),
    [
        ("name", [term("name")]),
        ("name,age;desc", [term("name"), term("age", is_descending=True)]),
        ("address[city]", [term("address", keys=("city",))]),
        ("name.observedAt;asc", [term("name", member="observedAt")]),
        (["id", "createdAt"], [term(member="id"), term(member="createdAt")]),
        ("location;dist-desc", [term("location", is_descending=True, by_distance=True)]),
    ],
)  # fmt: skip
def test_orderings(order_by, terms):
    found = parse_ordering(order_by, terms=TERMS, collation="und", coordinates="[8,40]")
    assert found == Ordering(tuple(terms), "und", Geometry("Point", (8.0, 40.0)))


@pytest.mark.parametrize(
    ("order_by", "parameters", "expected"),
    [
        ("", {}, "attribute name"),
        ([], {}, "at least one"),
        (5, {}, "at least one"),
        ([5], {}, "texts"),
        ("name;up", {}, "no direction"),
        ("name>5", {}, "no attribute path"),
        ("name;", {"collation": "!!nope"}, "collation"),
        ("name", {"collation": "not a bcp47 tag!!"}, "collation"),
        ("name", {"collation": 5}, "collation"),
        ("location;dist-asc", {}, "orderFrom"),
        ("location;dist-asc", {"geometry": "Point"}, "orderFrom"),
        ("location;dist-asc", {"coordinates": "8,40"}, "orderFrom"),
        ("id", {"geometry": 5, "coordinates": [1, 2]}, "types Point"),
    ],
)
def test_malformed_orderings_are_refused(order_by, parameters, expected):
    with pytest.raises(BadRequestData, match=expected):
        parse_ordering(order_by, terms=TERMS, **parameters)


def test_too_many_elements_are_refused():
    with pytest.raises(TooComplexQuery):
        parse_ordering("a," * 16 + "a", terms=TERMS)
