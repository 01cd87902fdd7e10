"""From URI parameters to one RegistrationQuery (clauses 5.10.2, 6.8.3.2)."""

from __future__ import annotations

from broker.api.parameters import Parameters
from broker.api.queries import (
    condition_of,
    dataset_ids,
    geo_query_of,
    selectors_of,
    source_filter,
)
from broker.contexts.context import Context
from broker.model.errors import BadRequestData
from broker.query.ast import attributes_of
from broker.query.registration_query import RegistrationQuery
from broker.query.selection import parse_scopes
from broker.query.temporal import TIME_MEMBERS, parse_time_query
from broker.representations.languages import parse_languages
from broker.representations.selection import OWN_MEMBERS, parse_selection


def registration_query(parameters: Parameters, terms: Context) -> RegistrationQuery:
    """Return the query of `GET /csourceRegistrations`. Raises BadRequestData, TooComplexQuery."""
    condition = condition_of(parameters, terms)
    geo = geo_query_of(parameters, terms)
    names = {*map(terms.expand, parameters.names("attrs")), *_picked(parameters, terms)}
    if condition is not None:
        names |= attributes_of(condition)
    if geo is not None:
        names.add(geo.attribute)
    if not names and "type" not in parameters:
        raise BadRequestData(
            "the query is too wide: give at least one of type, attrs, q and georel"
        )
    _check_what_changes_nothing(parameters, terms)
    return RegistrationQuery(
        selectors=selectors_of(parameters, terms),
        attributes=frozenset(names),
        geo=geo,
        scope=parse_scopes(scope) if (scope := parameters.scope_query) else (),
        source_filter=source_filter(parameters.text("csf"), terms),
        time=parse_time_query({name: parameters.text(name) for name in TIME_MEMBERS}),
        dataset_ids=frozenset(dataset_ids(parameters.names("datasetId"))),
    )


def _picked(parameters: Parameters, terms: Context) -> set[str]:
    text = parameters.text("pick")
    return set() if text is None else set(parse_selection(text, terms)) - OWN_MEMBERS


def _check_what_changes_nothing(parameters: Parameters, terms: Context) -> None:
    """Check parameters that are about entities in an answer, of which there are none here."""
    if (omit := parameters.text("omit")) is not None:
        parse_selection(omit, terms)
    if (lang := parameters.text("lang")) is not None:
        parse_languages(lang)
    parameters.text("geometryProperty")
