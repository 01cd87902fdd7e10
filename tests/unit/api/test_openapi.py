"""The OpenAPI document is valid, and complete: every route, every parameter, every status."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from broker.api.openapi.document import openapi_document, operation_id
from broker.api.openapi.operations import OPERATIONS
from broker.api.openapi.parameters import PATH, QUERY, SPECIAL
from broker.api.openapi.schemas import component_schemas
from broker.api.problems import STATUSES
from broker.api.routes import ROUTES

DOCUMENT = openapi_document(ROUTES)
BY_ID = {operation_id(route): route for route in ROUTES}


def described(route):
    return DOCUMENT["paths"][route.path][route.method.lower()]


def parameters(route, where):
    return {each["name"] for each in described(route)["parameters"] if each.get("in") == where}


def test_the_document_is_valid_openapi():
    assert DOCUMENT["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_identifiers_of_operations_are_unique_and_the_table_has_no_others():
    assert len(BY_ID) == len(ROUTES)
    assert set(BY_ID) == set(OPERATIONS)


@pytest.mark.parametrize("route", ROUTES, ids=operation_id)
def test_every_route_is_described_with_all_it_knows(route):
    operation = described(route)
    assert operation["operationId"] == operation_id(route)
    assert operation["summary"]
    assert operation["tags"]
    assert operation["x-ngsi-ld-clause"] == route.clause
    assert parameters(route, "query") == route.parameters
    assert parameters(route, "path") == set(re.findall(r"{(\w+)}", route.path))
    assert ("requestBody" in operation) == (route.method in {"POST", "PUT", "PATCH"})


@pytest.mark.parametrize("route", ROUTES, ids=operation_id)
def test_every_operation_has_a_success_and_the_errors_each_may_meet(route):
    statuses = {int(status) for status in described(route)["responses"]}
    assert any(200 <= status < 300 for status in statuses)
    assert {400, 404, 405, 500, 503, 504} <= statuses
    if route.method in {"POST", "PUT", "PATCH"}:
        assert {411, 413, 415} <= statuses


def test_the_tables_describe_no_parameter_that_no_route_has():
    known = {name for route in ROUTES for name in route.parameters}
    assert set(QUERY) <= known
    assert set(PATH) == {name for route in ROUTES for name in re.findall(r"{(\w+)}", route.path)}
    assert {pair for pair in SPECIAL if pair[1] not in BY_ID[pair[0]].parameters} == set()


def test_statuses_of_errors_are_those_the_broker_answers_with():
    answered = {status for status, _, _ in STATUSES.values()}
    assert {int(status) for status in DOCUMENT["components"]["responses"]} <= answered


def test_every_component_is_used():
    text = repr(DOCUMENT)
    unused = {name for name in component_schemas() if f"schemas/{name}'" not in text}
    assert unused == set()


def test_a_route_nothing_is_known_of_is_refused():
    with pytest.raises(KeyError):
        openapi_document([_unknown()])


def _unknown():
    route = ROUTES[0]

    async def fly_to_the_moon(incoming):
        return await route.handler(incoming)

    return type(route)("POST", "/moon", fly_to_the_moon, "9.9")
