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
