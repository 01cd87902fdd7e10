"""Geo-queries as Python predicates (clause 4.10)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from broker.model.entity import Entity
from broker.query.ast import GeoQuery
from broker.query.geometries import Figure, distance, figure_of, reference_figure

FigureTest: TypeAlias = Callable[[Figure], bool]


@lru_cache(maxsize=1024)
def compile_geo(query: GeoQuery) -> Callable[[Entity], bool]:
    """Return the predicate: any instance of the GeoProperty has the relation to the reference."""
    holds, attribute = _figure_test(query), query.attribute

    def any_instance(entity: Entity) -> bool:
        for instance in entity.attributes.get(attribute, ()):
            if instance["type"] == "GeoProperty":
                figure = figure_of(instance.get("value"))
                if figure is not None and holds(figure):
                    return True
        return False

    return any_instance


@lru_cache(maxsize=1024)
def compile_area(query: GeoQuery) -> Callable[[Entity], bool]:
    """Return the predicate: the GeoProperty matches, or may contain locations that do (5.10.2.4).

    A location that may lie anywhere in the area is not known any nearer.
    """
    directly, possibly, attribute = _figure_test(query), _area_test(query), query.attribute

    def any_area(entity: Entity) -> bool:
        for instance in entity.attributes.get(attribute, ()):
            figure = figure_of(instance.get("value"))
            if figure is None:
                continue
            if directly(figure) or (figure.point is None and possibly(figure)):
                return True
        return False

    return any_area


def _area_test(query: GeoQuery) -> FigureTest:
    reference = reference_figure(query.geometry)
    if query.max_distance is not None:
        return _figure_test(query)
    if query.min_distance is not None:
        holds = _figure_test(query)
        return lambda figure: any(map(holds, figure.corners))
    if query.relation in {"contains", "equals"}:
        return lambda figure: figure.planar.covers(reference.planar)
    if query.relation == "disjoint":
        return lambda figure: not figure.planar.covered_by(reference.planar)
    return lambda figure: figure.planar.intersects(reference.planar)


def _figure_test(query: GeoQuery) -> FigureTest:
    reference = reference_figure(query.geometry)
    if query.max_distance is not None:
        nearer = query.max_distance
        return lambda figure: distance(figure, reference) <= nearer
    if query.min_distance is not None:
        farther = query.min_distance
        return lambda figure: distance(figure, reference) > farther
    tests: dict[str, FigureTest] = {
        "within": lambda figure: figure.planar.within(reference.planar),
        "contains": lambda figure: figure.planar.contains(reference.planar),
        "intersects": lambda figure: figure.planar.intersects(reference.planar),
        "equals": lambda figure: figure.planar.equals(reference.planar),
        "disjoint": lambda figure: figure.planar.disjoint(reference.planar),
        "overlaps": lambda figure: figure.planar.overlaps(reference.planar),
    }
    return tests[query.relation]
