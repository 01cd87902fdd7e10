"""What the deliveries are given: their bounds, and what they work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from broker.model.clock import Clock
from broker.storage.deliveries import Outbox
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.senders.sender import Sender


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Bounds of the deliveries; times in seconds.

    `entities_a_notification` 1 sends every change by itself, however far behind the queue is.
    """

    entities_a_notification: int = 100
    bytes_a_notification: int = 1_000_000
    items_a_lane: int = 2_000
    bytes_held: int = 64_000_000
    keep_after: float = 0.5
    keep_every: float = 0.2
    rejections: int = 3
    grace: float = 3.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class DeliveryTools:
    """What deliveries work with.

    Nothing is kept unless `is_leading`: what a process keeps that was replaced while it was halted
    would wait unseen, and be told long after what followed.
    """

    sender: Sender
    outbox: Outbox
    counters: DeliveryCounters
    find: Callable[[str, str], CompiledSubscription | None]
    is_leading: Callable[[], bool]
    clock: Clock
    monotonic: Callable[[], float]
