"""The processes of a node as metrics: memory, processor time, how often they were started again."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import psutil
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_RESTARTS: Final = "restarts.json"
_KNOWN: Final = ("worker", "engine", "mqtt", "adapters")

log = logging.getLogger(__name__)


class Restarts:
    """Counts for the supervisor; whoever is asked for metrics reads the file it writes.

    A file that cannot be written (the disk is full, which is why processes end) does not end the
    supervisor, too: what it lacks is in the next one.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _RESTARTS
        self._counts: Counter[str] = Counter()
        self._write()

    def add(self, name: str) -> None:
        """Count a process that has ended; `worker 2` counts as `worker`."""
        self._counts[name.split(maxsplit=1)[0]] += 1
        self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        try:
            partial.write_text(json.dumps(self._counts))
            partial.replace(self._path)
        except OSError as error:
            log.warning("the number of restarts cannot be written: %s", error)


class NodeProcesses(Collector):
    """Reads the state of the supervisor's children when asked; `directory` has its counts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        labels = ["process", "pid"]
        memory = GaugeMetricFamily(
            "mutsura_process_resident_bytes", "Resident memory.", labels=labels
        )
        work = CounterMetricFamily(
            "mutsura_process_cpu_seconds", "Processor time used.", labels=labels
        )
        restarts = CounterMetricFamily(
            "mutsura_process_restarts",
            "Processes started again after they had ended.",
            labels=["process"],
        )
        for process in psutil.Process(os.getppid()).children():
            try:
                values = [_name_of(process), str(process.pid)]
                used = process.cpu_times()
                memory.add_metric(values, process.memory_info().rss)
                work.add_metric(values, used.user + used.system)
            except psutil.Error:
                continue
        for name, count in self._restarts():
            restarts.add_metric([name], count)
        return [memory, work, restarts]

    def _restarts(self) -> Iterator[tuple[str, int]]:
        try:
            counts = json.loads((self._directory / _RESTARTS).read_text())
        except (OSError, ValueError):
            return
        yield from counts.items()


def _name_of(process: psutil.Process) -> str:
    words = process.cmdline()
    return next((word for word in _KNOWN if word in words), process.name())
