"""Every metric of a node, in the names Prometheus sees.

The processes of a node (API workers, engine, connectors) write what they count into memory-mapped
files of one directory, which `PROMETHEUS_MULTIPROC_DIR` names (when: `counting`); whichever worker
is asked for `/metrics` adds them up. The supervisor sets the variable before it starts the others.
A new metric is declared here and described in docs/metrics.md.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from broker.observability.counting import count_in_memory
from broker.observability.processes import NodeProcesses

DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_COUNTS: Final = count_in_memory() if DIRECTORY_VARIABLE in os.environ else None

_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS: Final = Counter(
    "mutsura_http_requests",
    "Requests answered.",
    ["method", "route", "status"],
)
REQUEST_SECONDS: Final = Histogram(
    "mutsura_http_request_seconds",
    "Time from the request's head to the answer.",
    ["method", "route"],
    buckets=_SECONDS,
)
COMMIT_GROUP_WRITES: Final = Histogram(
    "mutsura_commit_group_writes", "Writes committed in one transaction.", buckets=_SIZES
)
COMMIT_SECONDS: Final = Histogram(
    "mutsura_commit_seconds", "Time a commit group took, retries included.", buckets=_SECONDS
)
COMMIT_QUEUE: Final = Gauge(
    "mutsura_commit_queue", "Writes that wait for a group.", multiprocess_mode="livesum"
)
COMMIT_CONFLICTS: Final = Counter(
    "mutsura_commit_conflicts", "Groups computed again because another process was faster."
)
COMMIT_REFUSED: Final = Counter(
    "mutsura_commit_refused", "Writes answered with 503 because the queue was full."
)
LOOKUP_GROUP_ENTITIES: Final = Histogram(
    "mutsura_lookup_group_entities", "Entities read by id in one query.", buckets=_SIZES
)
CONTEXT_FETCHES: Final = Counter(
    "mutsura_context_fetches", "@context documents fetched (result: ok or failed).", ["result"]
)
FEED_CHANGES: Final = Counter("mutsura_feed_changes", "Changes the engine has read.")
FEED_LAG_SECONDS: Final = Gauge(
    "mutsura_feed_lag_seconds",
    "Age of the change the engine read last, when it read it.",
    multiprocess_mode="livemax",
)
ENGINE_LEADER: Final = Gauge(
    "mutsura_engine_leader",
    "1 while this node's engine is the one that works, 0 on standby.",
    multiprocess_mode="livesum",
)
NOTIFICATIONS_MATCHED: Final = Counter(
    "mutsura_notifications_matched", "Notifications that changes gave rise to."
)
NOTIFICATIONS: Final = Counter(
    "mutsura_notifications",
    "Notifications that came to an end (result: delivered, failed or expired).",
    ["result"],
)
NOTIFICATION_ATTEMPTS: Final = Counter(
    "mutsura_notification_attempts", "Attempts to deliver (result: ok or failed).", ["result"]
)
NOTIFICATION_SECONDS: Final = Histogram(
    "mutsura_notification_seconds", "Time a receiver took to answer.", buckets=_SECONDS
)
NOTIFICATION_QUEUE: Final = Gauge(
    "mutsura_notification_queue",
    "Notifications that wait for delivery.",
    multiprocess_mode="livesum",
)


def record_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request; `route` is the pattern, never the path itself."""
    answered, duration = _of_requests(method, route, status)
    answered.inc()
    duration.observe(seconds)


@lru_cache(maxsize=1000)
def _of_requests(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, str(status)), REQUEST_SECONDS.labels(method, route)


def exposition() -> bytes:
    """Return the metrics of the whole node in the Prometheus text format.

    Reads and writes files.
    """
    if _COUNTS is not None:
        _COUNTS.write()
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    registry.register(NodeProcesses(Path(directory)))
    return generate_latest(registry)


def prepare_directory(directory: Path) -> None:
    """Begin counting from nothing; for the supervisor, before it starts the others."""
    directory.mkdir(parents=True, exist_ok=True)
    for left_over in directory.glob("*.db"):
        left_over.unlink()
    os.environ[DIRECTORY_VARIABLE] = str(directory.resolve())


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that has ended; what it counted stays."""
    if DIRECTORY_VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
