"""The one place where the driver's errors become the broker's.

Everything that goes wrong between here and the database means the same to a caller: try again
later. What the caller did wrong is found before the database is asked, or by the code that asked
(a duplicate key, a version conflict).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from broker.model.errors import (
    BadRequestData,
    DatabaseUnavailable,
    InternalError,
    NgsiLdError,
    TooComplexQuery,
)

RETRYABLE_CODES = frozenset({6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""Server codes that mean that the primary went away or a step-down is under way."""

_TRANSLATIONS: tuple[tuple[type[Exception], type[NgsiLdError], str], ...] = (
    (
        DocumentTooLarge,
        BadRequestData,
        "the entity would become larger than 16 MB, the most that is stored; split it into several",
    ),
    (
        ExecutionTimeout,
        TooComplexQuery,
        "the query took longer than allowed; make it more selective",
    ),
    (
        WTimeoutError,
        DatabaseUnavailable,
        "the database did not confirm the write in time",
    ),
    (ConnectionFailure, DatabaseUnavailable, "the database does not answer; try again"),
)

_CANNOT_INDEX_GEOMETRY = frozenset({16755, 16804})
_BAD_REGULAR_EXPRESSION = frozenset({51091, 51108})
_MOMENT_IS_GONE = frozenset({239, 246})
"""SnapshotTooOld, SnapshotUnavailable."""


@contextmanager
def translated() -> Iterator[None]:
    """Translate the driver's errors that leave the block."""
    try:
        yield
    except (PyMongoError, BSONError, OverflowError) as error:
        raise translate(error) from error


def translate(error: Exception) -> NgsiLdError:
    """Return the broker's error for one of the driver's."""
    for kind, translated_error, detail in _TRANSLATIONS:
        if isinstance(error, kind):
            return translated_error(detail)
    if isinstance(error, OperationFailure):
        return _translate_failure(error)
    if isinstance(error, BSONError | OverflowError):
        return BadRequestData(f"the content cannot be stored: {error}")
    return InternalError("the database refused the operation; the log says why")


def _translate_failure(error: OperationFailure) -> NgsiLdError:
    if error.code in RETRYABLE_CODES:
        return DatabaseUnavailable("the database is electing a new primary; try again")
    if error.code in _MOMENT_IS_GONE:
        return DatabaseUnavailable(
            "the database no longer keeps the moment that was being read; try again"
        )
    if error.code in _CANNOT_INDEX_GEOMETRY:
        return BadRequestData("a geometry of the entity cannot be indexed: it is not valid GeoJSON")
    if error.code in _BAD_REGULAR_EXPRESSION:
        return BadRequestData("the regular expression of the query is not valid")
    return InternalError("the database refused the operation; the log says why")
