"""Which registrations a subscription to them is about (clauses 5.11.2.4, 5.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.contexts.context import Context
from broker.model.errors import BadRequestData
from broker.model.subscription import Subscription
from broker.query.q_parser import parse_q
from broker.query.registration_query import RegistrationQuery
from broker.query.temporal import parse_time_query
from broker.subscriptions.compiling import at_member, check_queries, query_of

_GEO_JSON = "application/geo+json"


def registration_query_of(definition: Mapping[str, Any], query_terms: Context) -> RegistrationQuery:
    """Return the registrations a subscription is about, as a query.

    Attributes count where both watchedAttributes and those of the notification name some. Raises
    BadRequestData or TooComplexQuery, with a pointer, for a member that cannot be read.
    """
    entities = query_of(definition, query_terms)
    watched = frozenset(definition.get("watchedAttributes", ()))
    told = frozenset(definition["notification"].get("attributes", ()))
    source_filter = None
    if "csf" in definition:
        with at_member("/csf"):
            source_filter = parse_q(definition["csf"], query_terms, parameter="csf")
    with at_member("/temporalQ"):
        time = parse_time_query(definition.get("temporalQ", {}))
    return RegistrationQuery(
        selectors=entities.selectors,
        attributes=watched | told if watched and told else frozenset(),
        geo=entities.geo,
        scope=entities.scope,
        source_filter=source_filter,
        time=time,
        dataset_ids=frozenset(definition.get("datasetId", ())),
    )


def check_for_registrations(subscription: Subscription, query_terms: Context) -> None:
    """Raise BadRequestData or TooComplexQuery if a subscription to registrations cannot be used."""
    check_queries(subscription.definition, query_terms)
    _ = registration_query_of(subscription.definition, query_terms)
    if subscription.notification.endpoint.accept == _GEO_JSON:
        raise BadRequestData(
            "registrations are told of in application/json or application/ld+json",
            pointer="/notification/endpoint/accept",
        )
