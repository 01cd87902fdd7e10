"""The bounds of a writer, and what is known of its work."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.runtime.batch import Written
from adapters.runtime.errors import Rejected
from adapters.runtime.metrics import WRITER_ENTITIES

_COUNTED = {outcome: WRITER_ENTITIES.labels(outcome.value) for outcome in Written}
_REJECTED = WRITER_ENTITIES.labels("rejected")


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """How much a writer holds and sends: numbers of entities, bytes of JSON, connections.

    Larger batches cost the broker a little less an entity and more memory (a worker after 10,000
    rows of open data: 123 MB with 100, 134 MB with 250, 147 MB with 500); with three under way it
    has the next one at hand while it writes.
    """

    capacity: int = 5_000
    capacity_bytes: int = 64_000_000
    batch_items: int = 250
    batch_bytes: int = 2_000_000
    connections: int = 3
    attempts_on_fault: int = 4
    first_pause: float = 0.2
    longest_pause: float = 30.0


@dataclass(slots=True)
class WriterState:
    """What the writer has done and what it waits for, for health and metrics."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    retries: int = 0
    pending: int = 0
    waiting_for: str | None = None

    def count(self, outcome: Written | Rejected) -> None:
        """Add one entity to those with this outcome."""
        if isinstance(outcome, Rejected):
            _REJECTED.inc()
            self.rejected += 1
            return
        _COUNTED[outcome].inc()
        match outcome:
            case Written.CREATED:
                self.created += 1
            case Written.UPDATED:
                self.updated += 1
            case Written.UNCHANGED:
                self.unchanged += 1
