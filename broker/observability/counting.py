"""Metrics that are counted in memory, and written where the other processes find them later.

A number that the processes of a node share stands in a memory-mapped file. To add to it there at
once cost a request a twentieth of its time; here a process counts in ordinary objects, and a
thread writes what has changed once a second. What a killed process counted in its last second is
lost.
"""

from __future__ import annotations

import atexit
import time
from threading import Lock, Thread
from typing import Any, Final

from prometheus_client import values

_PERIOD_SECONDS: Final = 1.0


class Counts:
    """All numbers this process counts."""

    def __init__(self) -> None:
        self._shared_value = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        self._values: list[_Value] = []
        self._writing = Lock()

    def value(self, *what: Any, **more: Any) -> _Value:
        """Return a number of a metric; `prometheus_client` says which, and calls its methods."""
        made = _Value(self._shared_value(*what, **more))
        self._values.append(made)
        return made

    def write(self) -> None:
        """Let all processes of the node see what this one has counted; writes files."""
        with self._writing:
            for value in self._values:
                value.write()


class _Value:
    """One number, and its place in the file that is shared."""

    __slots__ = ("_lock", "_shared", "_value", "_written")

    def __init__(self, shared: Any) -> None:
        self._shared = shared
        self._value: float = shared.get()
        self._written = self._value
        self._lock = Lock()

    def inc(self, amount: float) -> None:
        with self._lock:
            self._value += amount

    def set(self, value: float, timestamp: float | None = None) -> None:
        with self._lock:
            self._value = value

    def get(self) -> float:
        return self._value

    def get_exemplar(self) -> None:
        """Return None: files have no place for exemplars."""

    def write(self) -> None:
        value = self._value
        if value != self._written:
            self._shared.set(value)
            self._written = value


def count_in_memory() -> Counts:
    """Let the metrics that are declared from now on count in memory, and begin to write."""
    counts = Counts()
    values.ValueClass = counts.value
    atexit.register(counts.write)
    Thread(target=_write_for_ever, args=[counts], name="write metrics", daemon=True).start()
    return counts


def _write_for_ever(counts: Counts) -> None:
    while True:
        time.sleep(_PERIOD_SECONDS)
        counts.write()
