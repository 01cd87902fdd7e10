"""What operations on an entity report to their callers (clauses 5.2.18, 5.2.19)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotUpdated:
    """An attribute (expanded name) an operation left as it was, and why."""

    attribute_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The attributes (expanded names) an operation changed, and those it did not."""

    updated: tuple[str, ...] = ()
    not_updated: tuple[NotUpdated, ...] = ()


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """Whether an upsert found the entity (`created` is False) or made it."""

    created: bool
