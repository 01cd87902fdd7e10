"""Makes a stored subscription ready for matching; at creation, the check of its query members."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from broker.contexts.context import Context
from broker.model.errors import BadRequestData, TooComplexQuery
from broker.model.subscription import Subscription
from broker.query.ast import linked_depth
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.geo_parser import parse_geo_query
from broker.query.matching import compile_query
from broker.query.q_parser import parse_q
from broker.query.selection import parse_scopes, parse_types
from broker.representations.conformance import CURRENT, Version, conformant
from broker.representations.languages import parse_languages
from broker.representations.options import RepresentationOptions
from broker.representations.selection import attrs_selection, parse_selection
from broker.subscriptions.compiled import (
    CompiledSubscription,
    NotificationContext,
    Predicate,
    expiry_of,
)
from broker.subscriptions.notification import profile_of

_LOCATION = "https://uri.etsi.org/ngsi-ld/location"


class _Expanded:
    """The terms of a definition, whose names are expanded already."""

    def expand(self, term: str) -> str:
        """Return the IRI itself."""
        return term

    def defines(self, term: str) -> bool:
        """Return False: IRIs are no terms."""
        return False

    def compact(self, iri: str) -> str:
        """Return the IRI itself."""
        return iri


_EXPANDED = _Expanded()


def query_of(definition: Mapping[str, Any], query_terms: Context) -> EntityQuery:
    """Return the entities a subscription is about, as a query.

    Raises BadRequestData or TooComplexQuery, with a pointer, for a member that cannot be read.
    """
    selectors = tuple(
        _selector(selector, index) for index, selector in enumerate(definition.get("entities", ()))
    )
    return EntityQuery(
        selectors=selectors,
        condition=_condition(definition, query_terms),
        geo=_geo(definition),
        scope=_scope(definition),
        is_local=True,
    )


def check_queries(definition: Mapping[str, Any], query_terms: Context) -> None:
    """Raise BadRequestData or TooComplexQuery if a query member cannot be read."""
    _ = query_of(definition, query_terms)
    if "csf" in definition:
        with at_member("/csf"):
            _ = parse_q(definition["csf"], query_terms, parameter="csf")


def compile_subscription(
    subscription: Subscription,
    *,
    context: NotificationContext,
    query_terms: Context,
) -> CompiledSubscription:
    """Return a subscription ready for matching.

    Raises BadRequestData or TooComplexQuery if a member cannot be read.
    """
    query = query_of(subscription.definition, query_terms)
    return CompiledSubscription(
        subscription=subscription,
        context=context,
        profile=profile_of(subscription, context).text,
        query=query,
        selects=_test_of(query),
        options=options_of(subscription),
        watched=subscription.watched_attributes,
        triggers=subscription.triggers,
        expires_at=expiry_of(subscription),
        version=_version(subscription.definition.get("ngsildConformance")),
    )


def _version(text: str | None) -> Version | None:
    """Return the version of the standard notifications are cut down to (clause 4.3.6.8)."""
    if text is None:
        return None
    major, minor = text.split(".")
    version = conformant((int(major), int(minor)))
    return None if version == CURRENT else version


def _test_of(query: EntityQuery) -> Predicate:
    if query.condition is not None and linked_depth(query.condition) > 0:
        query = query.evolve(condition=None)
    return compile_query(query)


def options_of(subscription: Subscription) -> RepresentationOptions:
    """Return how the entities of a subscription's notifications are shown (clause 5.2.14)."""
    params, definition = subscription.notification, subscription.definition
    pick = parse_selection(params.pick, _EXPANDED) if params.pick else None
    if params.attributes:
        pick = attrs_selection(params.attributes, _EXPANDED)
    with at_member("/lang"):
        languages = parse_languages(definition["lang"]) if "lang" in definition else None
    return RepresentationOptions(
        form=params.format,
        sys_attrs=params.has_system_attributes,
        languages=languages,
        pick=pick,
        omit=parse_selection(params.omit, _EXPANDED) if params.omit else None,
        dataset_ids=frozenset(definition["datasetId"]) if "datasetId" in definition else None,
    )


def _selector(selector: Mapping[str, Any], index: int) -> EntitySelector:
    ids = selector.get("id", ())
    with at_member(f"/entities/{index}/type"):
        types = parse_types(selector["type"], _EXPANDED)
    return EntitySelector(
        ids=(ids,) if isinstance(ids, str) else tuple(ids),
        id_pattern=selector.get("idPattern"),
        types=types,
    )


def _condition(definition: Mapping[str, Any], terms: Context) -> Any:
    if "q" not in definition:
        return None
    with at_member("/q"):
        # Only a URI needs percent-encoding (4.9), but clients copy their filters from there.
        return parse_q(
            unquote(definition["q"]),
            terms,
            _listed(definition, "expandValues"),
            _listed(definition, "jsonKeys"),
        )


def _listed(definition: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the names in a member, separated by commas."""
    return tuple(part.strip() for part in definition.get(name, "").split(",") if part.strip())


def _geo(definition: Mapping[str, Any]) -> Any:
    given = definition.get("geoQ")
    if given is None:
        return None
    with at_member("/geoQ"):
        return parse_geo_query(
            georel=given["georel"],
            geometry=given["geometry"],
            coordinates=_on_sphere(given["geometry"], given["coordinates"]),
            geoproperty=given.get("geoproperty", _LOCATION),
            terms=_EXPANDED,
        )


def _on_sphere(geometry: str, coordinates: Any) -> Any:
    """Return a point beyond a pole or the date line as the point that is there.

    The example of the standard (annex C.4) is near [-1, 100], and clients copy it.
    """
    if geometry != "Point" or not isinstance(coordinates, list) or len(coordinates) < 2:
        return coordinates
    longitude, latitude, *others = coordinates
    if not all(type(degrees) in (int, float) for degrees in (longitude, latitude)):
        return coordinates
    if abs(longitude) <= 180 and abs(latitude) <= 90:
        return coordinates
    if max(abs(longitude), abs(latitude)) > 360:
        return coordinates
    latitude = (latitude + 180) % 360 - 180
    if abs(latitude) > 90:
        latitude = math.copysign(180, latitude) - latitude
        longitude += 180
    return [(longitude + 180) % 360 - 180, latitude, *others]


def _scope(definition: Mapping[str, Any]) -> Any:
    if "scopeQ" not in definition:
        return ()
    with at_member("/scopeQ"):
        return parse_scopes(definition["scopeQ"])


@contextmanager
def at_member(pointer: str) -> Iterator[None]:
    """Say in which member of the subscription a query cannot be read.

    BadRequestData and TooComplexQuery of the block are raised again with a JSON pointer.
    """
    try:
        yield
    except BadRequestData as error:
        raise BadRequestData(error.detail, pointer=pointer) from error
    except TooComplexQuery as error:
        raise TooComplexQuery(error.detail, pointer=pointer) from error
