"""Snapshots as the broker holds them (clauses 5.2.41, 5.2.42)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from broker.model.spaces import snapshot_space

SnapshotStatus = Literal["preparing", "success", "partial", "failure", "empty"]
ResultStatus = Literal["success", "failure", "empty"]

DEFAULT_PRIORITY = 5


@dataclass(frozen=True, slots=True)
class ExecutionDetails:
    """What became of one query. `error` names the class of the error that kept it from being run,
    `detail` says what was wrong."""

    status: ResultStatus
    error: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of one tenant.

    `key` tells its space; it is never given again. Queries are the JSON objects the client gave, to
    be read under `context`. `source` is the key of the snapshot a clone is made of. Times are in
    the fixed-width form, `lifetime` is the duration as the client wrote it. A snapshot that is not
    live has been deleted, and only its space has still to go. `has_notice` says that a notification
    is due, `version` grows with each change of the definition or the status.
    """

    key: str
    tenant: str
    id: str
    queries: tuple[Any, ...] = ()
    temporal_queries: tuple[Any, ...] = ()
    context: Any = None
    lifetime: str | None = None
    priority: int = DEFAULT_PRIORITY
    endpoint: str | None = None
    receiver_info: tuple[tuple[str, str], ...] = ()
    status: SnapshotStatus = "preparing"
    details: tuple[ExecutionDetails, ...] = ()
    temporal_details: tuple[ExecutionDetails, ...] = ()
    created_at: str = ""
    modified_at: str = ""
    expires_at: str = ""
    last_used_at: str = ""
    source: str | None = None
    is_live: bool = True
    has_notice: bool = False
    version: int = 1

    @property
    def space(self) -> str:
        """The space that holds its entities."""
        return snapshot_space(self.tenant, self.key)

    def evolve(self, **changes: Any) -> Snapshot:
        """Return a copy with some members replaced."""
        return replace(self, **changes)


def status_of(details: Iterable[ExecutionDetails]) -> SnapshotStatus:
    """Return the status of a snapshot whose queries came out like this (clause 5.16.1.4)."""
    results = {each.status for each in details}
    if results == {"success"}:
        return "success"
    if "success" in results:
        return "partial"
    return "empty" if "empty" in results else "failure"
