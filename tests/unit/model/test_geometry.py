import pytest

from broker.model.geometry import geometry_flaw, is_geometry_type, looks_like_geometry

RING = [[0, 0], [4, 0], [4, 4], [0, 0]]


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [139.7, 35.6]),
        ("Point", [-180, -90, 12.5]),
        ("MultiPoint", [[0, 0], [180, 90]]),
        ("LineString", [[0, 0], [1, 1]]),
        ("MultiLineString", [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]),
        ("Polygon", [RING, [[1, 1], [2, 1], [2, 2], [1, 1]]]),
        ("MultiPolygon", [[RING]]),
    ],
)
def test_geometries(kind, coordinates):
    geometry = {"type": kind, "coordinates": coordinates}
    assert geometry_flaw(geometry) is None
    assert looks_like_geometry(geometry)


@pytest.mark.parametrize(
    ("geometry", "place", "word"),
    [
        ("POINT(1 2)", (), "object"),
        ({}, ("type",), "Polygon"),
        ({"type": ["Point"], "coordinates": [0, 0]}, ("type",), "Polygon"),
        ({"type": "GeometryCollection", "geometries": []}, ("type",), "Polygon"),
        ({"type": "Point"}, (), "coordinates"),
        ({"type": "Point", "coordinates": [1]}, ("coordinates",), "longitude"),
        ({"type": "Point", "coordinates": "1,2"}, ("coordinates",), "longitude"),
        ({"type": "Point", "coordinates": [1, "2"]}, ("coordinates",), "numbers"),
        ({"type": "Point", "coordinates": [1, True]}, ("coordinates",), "numbers"),
        ({"type": "Point", "coordinates": [181, 0]}, ("coordinates", 0), "longitude"),
        ({"type": "Point", "coordinates": [35.6, 139.7]}, ("coordinates", 1), "latitude"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, ("coordinates",), "at least 2"),
        ({"type": "LineString", "coordinates": [[0, 0], [0]]}, ("coordinates", 1), "position"),
        ({"type": "Polygon", "coordinates": []}, ("coordinates",), "at least 1"),
        ({"type": "Polygon", "coordinates": [RING[:3]]}, ("coordinates", 0), "at least 4"),
        (
            {"type": "Polygon", "coordinates": [[*RING[:3], [0, 1]]]},
            ("coordinates", 0, 3),
            "closed",
        ),
        ({"type": "MultiPolygon", "coordinates": [RING]}, ("coordinates", 0, 0), "at least 4"),
    ],
)
def test_flaws_of_geometries(geometry, place, word):
    flaw = geometry_flaw(geometry)
    assert flaw is not None
    assert flaw.place == place
    assert word in flaw.reason


def test_what_looks_like_a_geometry():
    assert not looks_like_geometry({"type": "Point"})
    assert not looks_like_geometry({"type": "House", "coordinates": []})
    assert not looks_like_geometry([])
    assert is_geometry_type("GeometryCollection")
    assert not is_geometry_type(["Point"])
