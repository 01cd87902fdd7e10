"""Every error the broker reports on purpose, as one tree (clause 5.5.2, Table 6.3.2-1).

    NgsiLdError
    ├── InvalidRequest             the request itself is malformed
    │   ├── UnsupportedMediaType
    │   ├── NotAcceptable
    │   ├── LengthRequired
    │   ├── BodyTooLarge
    │   └── MethodNotAllowed
    ├── BadRequestData             the request is well formed, its content is not allowed
    │   ├── TooManyOperations
    │   └── IdempotencyConflict
    ├── AlreadyExists
    ├── Conflict
    ├── OperationNotSupported
    ├── ResourceNotFound
    │   ├── EntityNotFound
    │   ├── AttributeNotFound
    │   └── NonexistentTenant
    ├── PreconditionFailed
    ├── TooComplexQuery
    ├── TooManyResults
    ├── LdContextNotAvailable
    ├── NoMultiTenantSupport
    ├── Overloaded                 try again later (carries the number of seconds)
    │   └── DatabaseUnavailable
    └── InternalError

There is no HTTP in here: `broker.api.problems` holds the one table from error to status.
"""

from __future__ import annotations


class NgsiLdError(Exception):
    """Base of the tree.

    `detail` is a sentence a person can act on. `pointer` is the RFC 6901 JSON pointer of the
    offending place in the request body, `attribute_names` are the attributes concerned, as the
    client wrote them.
    """

    def __init__(
        self,
        detail: str,
        *,
        pointer: str | None = None,
        attribute_names: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.attribute_names = attribute_names


class InvalidRequest(NgsiLdError):
    """The request is syntactically invalid or includes wrong content."""


class UnsupportedMediaType(InvalidRequest):
    """The Content-Type is not one the operation takes."""


class NotAcceptable(InvalidRequest):
    """None of the media types the client accepts can be produced."""


class LengthRequired(InvalidRequest):
    """A body is needed and none was sent."""


class BodyTooLarge(InvalidRequest):
    """The body is larger than the configured limit."""


class MethodNotAllowed(InvalidRequest):
    """The resource exists but has no such method. `allowed` lists those it has."""

    def __init__(self, detail: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.allowed = allowed


class BadRequestData(NgsiLdError):
    """The request includes input data which does not meet the requirements of the operation."""


class TooManyOperations(BadRequestData):
    """A batch holds more items than the configured limit."""


class IdempotencyConflict(BadRequestData):
    """An Idempotency-Key was used before with another request."""


class AlreadyExists(NgsiLdError):
    """The referred element already exists."""


class Conflict(NgsiLdError):
    """The operation conflicts with the current state of the system."""


class OperationNotSupported(NgsiLdError):
    """The operation is not supported."""


class ResourceNotFound(NgsiLdError):
    """The referred resource has not been found."""


class EntityNotFound(ResourceNotFound):
    """No entity has this identifier."""


class AttributeNotFound(ResourceNotFound):
    """The entity exists but has no such attribute (instance)."""


class NonexistentTenant(ResourceNotFound):
    """The tenant named in the request does not exist (clause 5.5.10)."""


class PreconditionFailed(NgsiLdError):
    """An If-Match or If-None-Match condition does not hold."""


class TooComplexQuery(NgsiLdError):
    """The query is too complex to be processed."""


class TooManyResults(NgsiLdError):
    """The query would produce more results than the broker can give."""


class LdContextNotAvailable(NgsiLdError):
    """A remote JSON-LD @context could not be retrieved or processed."""


class NoMultiTenantSupport(NgsiLdError):
    """The broker does not support tenants."""


class Overloaded(NgsiLdError):
    """The broker cannot take the request now; nothing was done. `retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class DatabaseUnavailable(Overloaded):
    """The database does not answer. Whether a write was carried out is not known."""


class InternalError(NgsiLdError):
    """There has been an error during the operation execution."""
