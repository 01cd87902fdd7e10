"""The OpenAPI 3.1 document of the API: a pure function of the table of routes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from broker import __version__
from broker.api.media_types import JSON, JSON_LD
from broker.api.openapi.operations import OPERATIONS, TAGS, Operation
from broker.api.openapi.parameters import HEADERS, PATH, QUERY, SPECIAL, Parameter
from broker.api.openapi.schemas import component_schemas, reference
from broker.api.responses import API_ROOT
from broker.api.routes import Route

_MERGE_PATCH = "application/merge-patch+json"
_ERRORS = {
    400: "The request or its data is not valid.",
    403: "The query is too complex, or has too many results.",
    404: "There is no such resource, or no such tenant.",
    405: "The resource has no such method; Allow lists those it has.",
    406: "None of the media types of Accept can be produced.",
    409: "The element exists already, or the operation conflicts with what there is.",
    411: "The length of the body is missing.",
    412: "If-Match or If-None-Match does not hold.",
    413: "The body or the batch is larger than this broker takes.",
    415: "The media type of the body is not one the operation takes.",
    422: "The operation is not possible here, the snapshot is being prepared, or the"
    " Idempotency-Key was used for another request.",
    500: "The broker failed; its log says why.",
    503: "The broker or its database cannot take the request now; try again after Retry-After.",
    504: "A remote @context cannot be had.",
}
_ALWAYS = (400, 404, 405, 500, 503, 504)
_WITH_BODY = (411, 413, 415)
_ERROR_HEADERS = {405: "Allow", 503: "Retry-After"}
_HEADERS = {
    "Allow": "The methods the resource has.",
    "ETag": "The version of the entity, for If-Match.",
    "Link": "The @context of a body in application/json, and the pages beside this one.",
    "Location": "Where the new resource is.",
    "NGSILD-EntityMap": "The entity map that was used, where one was asked for.",
    "NGSILD-Results-Count": "The size of the whole result, where count=true asks for it.",
    "Preference-Applied": "The version of the standard the body conforms to: ngsi-ld=1.5.",
    "Retry-After": "After how many seconds to try again.",
}


def openapi_document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document that describes the routes. Raises KeyError for one it knows nothing of.

    What an operation is called, takes and answers stands in `operations`, the words for
    parameters in `parameters`; a test holds these tables and the routes together.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mutsura, an NGSI-LD context broker",
            "version": __version__,
            "description": "The API of ETSI GS CIM 009 V1.9.1, and what Mutsura adds to it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": API_ROOT}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": component_schemas(),
            "parameters": {
                name: _parameter(name, "header", parameter) for name, parameter in HEADERS.items()
            },
            "responses": {str(status): _error(status) for status in _ERRORS},
            "headers": {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in _HEADERS.items()
            },
        },
    }


def operation_id(route: Route) -> str:
    """Return the identifier of an operation: the name of its handler, `createEntity`."""
    first, *others = route.handler.__name__.split("_")
    return first + "".join(word.capitalize() for word in others)


def _operation(route: Route) -> dict[str, Any]:
    identifier = operation_id(route)
    operation = OPERATIONS[identifier]
    described: dict[str, Any] = {
        "operationId": identifier,
        "summary": route.handler.__name__.replace("_", " ").capitalize(),
        "description": inspect.getdoc(route.handler),
        "tags": [operation.tag],
        "x-ngsi-ld-clause": route.clause,
        "parameters": list(_parameters(route, operation)),
        "responses": _responses(route, operation),
    }
    if operation.body is not None:
        described["requestBody"] = _request_body(route, operation)
    return described


def _parameters(route: Route, operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {**_parameter(name, "path", PATH[name]), "required": True}
    identifier = operation_id(route)
    for name in sorted(route.parameters):
        yield _parameter(name, "query", SPECIAL.get((identifier, name), QUERY.get(name)))
    names = ["NGSILD-Tenant", "Link"]
    if route.in_snapshots:
        names.append("NGSILD-Snapshot")
    if "entityMap" in route.parameters or identifier == "purgeEntities":
        names.append("NGSILD-EntityMap")
    if operation.is_conditional:
        names += ["If-Match", "If-None-Match"]
    if route.repeatable:
        names.append("Idempotency-Key")
    if operation.is_negotiated:
        names.append("Prefer")
    for name in names:
        yield {"$ref": f"#/components/parameters/{name}"}


def _parameter(name: str, where: str, parameter: Parameter | None) -> dict[str, Any]:
    if parameter is None:
        raise KeyError(f"the parameter '{name}' has no description")
    described: dict[str, Any] = {
        "name": name,
        "in": where,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    if parameter.schema.get("type") == "array":
        described |= {"style": "form", "explode": False}
    return described


def _request_body(route: Route, operation: Operation) -> dict[str, Any]:
    body = operation.body
    if body is None:
        raise KeyError(f"{route.method} {route.path} takes no body")
    plain = {"schema": body.schema, "example": body.example}
    content = {JSON: plain, JSON_LD: {"schema": body.schema}}
    if route.method == "PATCH":
        content[_MERGE_PATCH] = plain
    return {"required": True, "content": content}


def _responses(route: Route, operation: Operation) -> dict[str, Any]:
    statuses = {*_ALWAYS, *operation.errors}
    if operation.body is not None:
        statuses |= {*_WITH_BODY}
    if operation.is_conditional:
        statuses.add(412)
    if route.repeatable or route.in_snapshots:
        statuses.add(422)
    if operation.is_negotiated:
        statuses.add(406)
    answers = {
        str(status): {
            "description": answer.description,
            "headers": _header_references(answer.headers),
            "content": {name: {"schema": schema} for name, schema in answer.media_types.items()},
        }
        for status, answer in operation.answers.items()
    }
    errors = {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)
    }
    return answers | errors


def _error(status: int) -> dict[str, Any]:
    header = _ERROR_HEADERS.get(status)
    return {
        "description": _ERRORS[status],
        "headers": _header_references((header,) if header else ()),
        "content": {JSON: {"schema": reference("ProblemDetails")}},
    }


def _header_references(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
