"""From error to answer: the one table of statuses, and RFC 9457 problem details (clauses 5.5.2,
5.5.3, 6.3.2, 6.3.3)."""

from __future__ import annotations

from typing import Any

from broker.model import errors
from broker.model.errors import NgsiLdError

_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"

STATUSES: dict[type[NgsiLdError], tuple[int, str, str]] = {
    errors.NgsiLdError: (500, "InternalError", "Internal error"),
    errors.InvalidRequest: (400, "InvalidRequest", "The request is not valid"),
    errors.UnsupportedMediaType: (415, "InvalidRequest", "Unsupported media type"),
    errors.NotAcceptable: (406, "InvalidRequest", "Not acceptable"),
    errors.LengthRequired: (411, "InvalidRequest", "Length required"),
    errors.BodyTooLarge: (413, "InvalidRequest", "Request entity too large"),
    errors.MethodNotAllowed: (405, "InvalidRequest", "Method not allowed"),
    errors.BadRequestData: (400, "BadRequestData", "The request data is not valid"),
    errors.TooManyOperations: (413, "BadRequestData", "Too many operations in one batch"),
    errors.IdempotencyConflict: (422, "BadRequestData", "Idempotency-Key used for another request"),
    errors.AlreadyExists: (409, "AlreadyExists", "The element already exists"),
    errors.Conflict: (409, "Conflict", "The operation conflicts with what there is"),
    errors.OperationNotSupported: (422, "OperationNotSupported", "Operation not supported"),
    errors.ResourceNotFound: (404, "ResourceNotFound", "Resource not found"),
    errors.EntityNotFound: (404, "ResourceNotFound", "Entity not found"),
    errors.AttributeNotFound: (404, "ResourceNotFound", "Attribute not found"),
    errors.NonexistentTenant: (404, "NonexistentTenant", "The tenant does not exist"),
    errors.PreconditionFailed: (412, "InvalidRequest", "Precondition failed"),
    errors.TooComplexQuery: (403, "TooComplexQuery", "The query is too complex"),
    errors.TooManyResults: (403, "TooManyResults", "Too many results"),
    errors.LdContextNotAvailable: (504, "LdContextNotAvailable", "@context not available"),
    errors.NoMultiTenantSupport: (501, "NoMultiTenantSupport", "No tenants here"),
    errors.Overloaded: (503, "InternalError", "Overloaded, try again"),
    errors.DatabaseUnavailable: (503, "InternalError", "Database unavailable, try again"),
    errors.InternalError: (500, "InternalError", "Internal error"),
}
"""Status, NGSI-LD error type and title of every error of the tree."""

TEMPORARY = frozenset({503, 504})


def status_of(error: NgsiLdError) -> int:
    """Return the HTTP status of an error."""
    return _row(error)[0]


def problem_details(error: NgsiLdError) -> dict[str, Any]:
    """Return the problem details of an error.

    Beside the members of RFC 9457 they carry, where known, `pointer` (RFC 6901) and
    `attributeNames`, and `retryable` where trying again may help.
    """
    status, name, title = _row(error)
    details: dict[str, Any] = {
        "type": _ERRORS + name,
        "title": title,
        "status": status,
        "detail": error.detail,
    }
    if error.pointer is not None:
        details["pointer"] = error.pointer
    if error.attribute_names:
        details["attributeNames"] = list(error.attribute_names)
    if status in TEMPORARY:
        details["retryable"] = True
    return details


def _row(error: NgsiLdError) -> tuple[int, str, str]:
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    raise TypeError(f"{type(error).__name__} is not an NgsiLdError")
