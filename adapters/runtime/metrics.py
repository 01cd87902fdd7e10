"""Metrics of the adapters' process; `/metrics` of the node shows them with all others.

A new metric is declared here and described in docs/metrics.md.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

ADAPTER_EVENTS: Final = Counter(
    "mutsura_adapter_events",
    "What adapters count: created, updated, unchanged, dead-letter, messages, polls, ...",
    ["adapter", "event"],
)
ADAPTER_RUNNING: Final = Gauge(
    "mutsura_adapter_running",
    "1 while an adapter runs or has finished its work, 0 while it waits or has failed.",
    ["adapter"],
    multiprocess_mode="livesum",
)
DEAD_LETTERS: Final = Counter("mutsura_dead_letters", "Records kept as dead letters.", ["adapter"])
DEAD_LETTERS_KEPT: Final = Gauge(
    "mutsura_dead_letters_kept",
    "Dead letters nobody has dealt with yet.",
    ["adapter"],
    multiprocess_mode="livesum",
)
WRITER_ENTITIES: Final = Counter(
    "mutsura_writer_entities",
    "Entities the adapters' writers are done with (created, updated, unchanged, rejected).",
    ["result"],
)
WRITER_RETRIES: Final = Counter(
    "mutsura_writer_retries", "Batches sent again because the broker was away or overloaded."
)
WRITER_PENDING: Final = Gauge(
    "mutsura_writer_pending", "Entities that wait for the broker.", multiprocess_mode="livesum"
)
