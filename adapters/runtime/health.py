"""How an adapter is doing, as it says itself and as the host sees it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from prometheus_client import metrics

from adapters.runtime.metrics import ADAPTER_EVENTS, ADAPTER_RUNNING
from broker.model.clock import Clock, system_clock


@cache
def _counter(adapter: str, event: str) -> metrics.Counter:
    """Return the counter of one event; looking up its labels costs more than counting."""
    return ADAPTER_EVENTS.labels(adapter, event)


class State(StrEnum):
    """Where an adapter is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # it failed and will be started again
    FINISHED = "finished"
    FAILED = "failed"  # it stays stopped until the operator acts
    STOPPED = "stopped"


@dataclass(slots=True)
class Health:
    """State, the reason for it, and counters; one object for each configured adapter."""

    name: str
    clock: Clock = system_clock
    state: State = State.STARTING
    detail: str = ""
    since: str = ""
    restarts: int = 0
    dead_letters: int = 0
    counters: Counter[str] = field(default_factory=Counter)

    def become(self, state: State, detail: str = "") -> None:
        """Note a new state, or a new reason for it."""
        if state is not self.state or not self.since:
            self.since = self.clock()
        self.state = state
        self.detail = detail
        trouble = state in (State.WAITING, State.FAILED, State.STOPPED)
        ADAPTER_RUNNING.labels(self.name).set(0 if trouble else 1)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a counter, such as `measures` or `polls`."""
        self.counters[what] += number
        _counter(self.name, what).inc(number)

    def as_json(self) -> dict[str, Any]:
        """Return everything for `/health` and the status file."""
        return {
            "name": self.name,
            "state": self.state.value,
            "detail": self.detail,
            "since": self.since,
            "restarts": self.restarts,
            "deadLetters": self.dead_letters,
            "counters": dict(self.counters),
        }
