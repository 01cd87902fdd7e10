"""The Entity Ordering Language and its parameters (clauses 4.23.3, 5.2.43)."""

from __future__ import annotations

import re
from typing import Any

from broker.model.errors import BadRequestData, TooComplexQuery
from broker.model.terms import Terms
from broker.query.ast import Exists, Ordering, OrderTerm
from broker.query.geo_parser import parse_geometry
from broker.query.q_parser import QParser

MAX_TERMS = 16

_DIRECTIONS = ("asc", "desc", "dist-asc", "dist-desc")
_COLLATION = re.compile(r"(?i:root|[a-z]{2,3}|[a-z]{5,8})(?:[-_][0-9A-Za-z]{1,8})*", re.ASCII)


def parse_ordering(
    order_by: Any,
    *,
    terms: Terms,
    collation: Any = None,
    coordinates: Any = None,
    geometry: Any = None,
) -> Ordering:
    """Return the ordering of `orderBy` (the URL's text, or the array of a body) and its company.

    `coordinates` and `geometry` are `orderFrom` and `orderGeometry` of the URL. Raises
    BadRequestData where one of them is malformed, or a distance has nothing to be measured from.
    """
    check_collation(collation)
    if geometry is not None and coordinates is None:
        raise BadRequestData("the geometry to order from needs its coordinates (orderFrom)")
    reference = (
        None
        if coordinates is None
        else parse_geometry(geometry or "Point", coordinates, parameter="orderFrom")
    )
    elements = _elements(order_by)
    ordering = Ordering(tuple(_term(text, terms) for text in elements), collation, reference)
    if reference is None and any(term.by_distance for term in ordering.terms):
        raise BadRequestData(
            "ordering by distance needs orderFrom, the coordinates to measure from, "
            "for example orderFrom=[8,40]"
        )
    return ordering


def check_collation(collation: Any) -> None:
    """Raise BadRequestData for what has not the form of a language tag that names a collation."""
    if collation is None:
        return
    if not isinstance(collation, str) or _COLLATION.fullmatch(collation) is None:
        raise BadRequestData(
            f"collation {collation!r} is not an ICU collation (RFC 6067), "
            "for example und-u-ks-level1 or de-u-co-phonebk"
        )


def _elements(order_by: Any) -> list[str]:
    elements = order_by.split(",") if isinstance(order_by, str) else order_by
    if not isinstance(elements, list) or not elements:
        raise BadRequestData("orderBy names at least one member, for example name;asc")
    if len(elements) > MAX_TERMS:
        raise TooComplexQuery(f"orderBy has more than {MAX_TERMS} elements")
    return elements


def _term(text: Any, terms: Terms) -> OrderTerm:
    if not isinstance(text, str):
        raise BadRequestData("orderBy holds texts, for example name;desc")
    name, _, direction = (part.strip() for part in text.partition(";"))
    if direction and direction not in _DIRECTIONS:
        raise BadRequestData(
            f'orderBy: "{direction}" is no direction; there are {", ".join(_DIRECTIONS)}'
        )
    expression = QParser(name, terms, frozenset(), parameter="orderBy").parse()
    if not isinstance(expression, Exists):
        raise BadRequestData(f'orderBy: "{name}" is no attribute path, for example address[city]')
    return OrderTerm(
        expression.path,
        is_descending=direction.endswith("desc"),
        by_distance=direction.startswith("dist-"),
    )
