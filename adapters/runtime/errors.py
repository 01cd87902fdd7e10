"""What an adapter may raise, each telling the host what to do about it.

AdapterError
├── RetryLater              the outside is not there now: run the adapter again after a pause
│   ├── BrokerUnavailable   the broker does not answer, or answers that it cannot now
│   └── NotWritten          the writer was closed before the broker had taken the entity
├── StopAdapter             it cannot go on: leave it stopped and tell the operator
│   └── Misconfigured       the configuration is wrong; `detail` says what would be right
└── SkipRecord              this one record is no good: report it and go on with the next
    ├── Invalid             it does not fit the schema of its type
    └── Rejected            the broker refused the entity
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AdapterError(Exception):
    """Base of the tree; `detail` is a sentence a person can act on."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RetryLater(AdapterError):
    """The outside is not there now. `after` is the least pause in seconds, when it was told."""

    def __init__(self, detail: str, *, after: float | None = None) -> None:
        super().__init__(detail)
        self.after = after


class BrokerUnavailable(RetryLater):
    """The broker does not answer, or answers that it cannot take requests now."""


class NotWritten(RetryLater):
    """The writer was closed before the broker had taken the entity; do not acknowledge it."""


class StopAdapter(AdapterError):
    """The adapter cannot go on; it stays stopped until the operator acts."""


class Misconfigured(StopAdapter):
    """The configuration is wrong."""


class SkipRecord(AdapterError):
    """This record cannot be used; the next one may well be."""


class Invalid(SkipRecord):
    """The entity does not fit the schema of its type. `attribute` is the first one at fault."""

    def __init__(self, detail: str, *, attribute: str | None = None) -> None:
        super().__init__(detail)
        self.attribute = attribute


class Rejected(SkipRecord):
    """The broker refused the entity; `problem` is its problem details (RFC 7807)."""

    def __init__(self, entity_id: str, problem: Mapping[str, Any]) -> None:
        reason = problem.get("detail") or problem.get("title") or "no reason given"
        super().__init__(f"the broker refused {entity_id}: {reason}")
        self.entity_id = entity_id
        self.problem = problem
