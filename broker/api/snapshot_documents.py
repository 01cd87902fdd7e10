"""Snapshots as JSON (clauses 5.2.41, 5.2.42)."""

from __future__ import annotations

from typing import Any

from broker.api.problems import problem_details
from broker.model import errors
from broker.model.errors import NgsiLdError
from broker.model.snapshot import ExecutionDetails, Snapshot

QUERIES = ("snapshotQueries", "snapshotTemporalQueries")
SETTABLE = ("snapshotLifetime", "snapshotPriority", "endpoint", "receiverInfo")
_OUTPUT_ONLY = frozenset(
    {
        "snapshotStatus", "snapshotQueriesDetails", "snapshotTemporalQueriesDetails", "createdAt",
        "modifiedAt", "expiresAt", "lastUsedAt",
    }
)  # fmt: skip
MEMBERS = frozenset({"id", "type", *QUERIES, *SETTABLE, *_OUTPUT_ONLY})
"""All members of the data type Snapshot."""


def present_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON, without an @context; queries are given back as written."""
    body: dict[str, Any] = {"id": snapshot.id, "type": "Snapshot"}
    optional = {
        "snapshotQueries": list(snapshot.queries),
        "snapshotTemporalQueries": list(snapshot.temporal_queries),
        "snapshotLifetime": snapshot.lifetime,
        "endpoint": snapshot.endpoint,
        "receiverInfo": [{"key": key, "value": value} for key, value in snapshot.receiver_info],
        "snapshotQueriesDetails": [_details(each) for each in snapshot.details],
        "snapshotTemporalQueriesDetails": [_details(each) for each in snapshot.temporal_details],
    }
    body |= {name: value for name, value in optional.items() if value}
    return body | {
        "snapshotPriority": snapshot.priority,
        "snapshotStatus": snapshot.status,
        "createdAt": snapshot.created_at,
        "modifiedAt": snapshot.modified_at,
        "expiresAt": snapshot.expires_at,
        "lastUsedAt": snapshot.last_used_at,
    }


def _details(details: ExecutionDetails) -> dict[str, Any]:
    if details.error is None:
        return {"resultStatus": details.status}
    kind = getattr(errors, details.error, errors.InternalError)
    error = kind(details.detail) if issubclass(kind, NgsiLdError) else None
    shown = problem_details(error or errors.InternalError(details.detail))
    return {"resultStatus": details.status, "problemDetails": shown}
