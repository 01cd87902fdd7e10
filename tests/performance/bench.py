"""`make bench`: one table of requests a second, latencies and memory, with references.

Starts a broker of its own (with the embedded MongoDB) on a temporary data directory, and the
references of `references.py` on the same MongoDB, so that all figures of a table are from one
machine in one state. Ratios mean something elsewhere, absolute figures do not; what they compare is
measured in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import psutil
import pymongo

from tests.performance import sensors
from tests.performance.load import Load, Measured, run_load
from tests.performance.receiver import Receiver
from tests.performance.requests import TYPE, create_subscription
from tests.performance.rows import rows_a_second

PREFIX = "bench"
START_SECONDS = 120
ROUNDS = 5

Scenario: TypeAlias = tuple[str, str, int, int]
"""A name, a source of requests, how many of them, and the port (0: the broker's)."""


@dataclass
class Bench:
    """A broker and the references, and what was measured of them.

    `sent` counts the requests of each source to each port: numbers go on, so that every update is a
    change. (MongoDB writes nothing where an update changes nothing, which is a third faster.)
    """

    broker_port: int
    reference_port: int
    mongodb: str
    supervisor: psutil.Process
    directory: Path
    scale: float
    rows: list[tuple[str, int, Measured | None, str]] = field(default_factory=list)
    rates: dict[tuple[str, int], float] = field(default_factory=dict)
    sent: dict[tuple[str, int], int] = field(default_factory=dict)

    def measure(self, name: str, source: str, count: int, connections: int, port: int = 0) -> None:
        """Run one load and note it."""
        self.note(name, connections, self.load(source, count, connections, port))

    def measure_in_turn(self, scenarios: Iterable[Scenario], connections: int) -> None:
        """Run several loads in turn, a part of each at a time, and note the median round of each.

        A machine that is shared grows faster and slower by a third within minutes: what is to be
        compared must have seen the same of it.
        """
        rounds: dict[str, list[Measured]] = {}
        for _ in range(ROUNDS):
            for name, source, count, port in scenarios:
                measured = self.load(source, count // ROUNDS, connections, port)
                rounds.setdefault(name, []).append(measured)
        for name, measures in rounds.items():
            failed = [one for one in measures if one.failures]
            median = sorted(measures, key=lambda one: one.rate)[ROUNDS // 2]
            self.note(name, connections, failed[0] if failed else median)

    def load(self, source: str, count: int, connections: int, port: int = 0) -> Measured:
        """Run one load, on the broker or what listens at the port; its numbers follow the last."""
        count = max(int(count * self.scale), connections)
        first = self.sent.get((source, port), 0)
        self.sent[source, port] = first + count
        return run_load(
            Load(source, count, connections, "127.0.0.1", port or self.broker_port, first)
        )

    def note(self, name: str, connections: int, measured: Measured, remark: str = "") -> None:
        """Keep a result and show it."""
        if measured.failures:
            remark = f"{measured.failures} FAILED: {measured.example[:160]!r} {remark}"
        self.rows.append((name, connections, measured, remark))
        self.rates[name, connections] = measured.rate
        print(row(name, connections, measured, remark), flush=True)


def row(name: str, connections: int, measured: Measured, remark: str) -> str:
    """Return a line of the table."""
    return (
        f"{name:<34} {connections:>4} {measured.rate:>9,.0f} {measured.p50 * 1000:>8.1f} "
        f"{measured.p99 * 1000:>8.1f}  {remark}"
    )


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(scale: float) -> Iterator[Bench]:
    """Start everything, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="mutsura-bench-") as directory:
        port, reference = free_port(), free_port()
        environment = {
            **os.environ,
            "MUTSURA_DATA_DIRECTORY": directory,
            "MUTSURA_SERVER_PORT": str(port),
            "MUTSURA_MONGODB_DATABASE_PREFIX": PREFIX,
            "MUTSURA_OUTBOUND_ALLOW_PRIVATE": "true",
            "MUTSURA_LOGGING_LEVEL": "warning",
        }
        broker = subprocess.Popen(
            [sys.executable, "-m", "broker", "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        references = None
        try:
            _wait(f"http://127.0.0.1:{port}/ready")
            supervisor = psutil.Process(broker.pid)
            listening = (Path(directory) / "mongodb" / "port").read_text().strip()
            mongodb = f"mongodb://127.0.0.1:{listening}/?directConnection=true"
            references = subprocess.Popen(
                [sys.executable, "-m", "tests.performance.references", str(reference), mongodb]
            )
            _wait(f"http://127.0.0.1:{reference}/ready")
            yield Bench(port, reference, mongodb, supervisor, Path(directory), scale)
        finally:
            if references:
                references.kill()
            broker.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                broker.wait(30)
            broker.kill()


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.2)
    raise TimeoutError(f"no answer from {url}")


def run(bench: Bench) -> None:
    """Measure every scenario."""
    reference = bench.reference_port
    # Whose Python it is says how it was compiled, which is a quarter of what Python takes.
    print(f"Python {platform.python_version()} of {sys.base_prefix}, {os.cpu_count()} cores")
    print(f"{'scenario':<34} {'conn':>4} {'per s':>9} {'p50 ms':>8} {'p99 ms':>8}")
    bench.measure("create (filling up)", "create", int(10_000 / bench.scale), 64)
    for connections in (16, 64):
        part = 1 if connections == 64 else 0.4
        scenarios = (
            ("bare aiohttp handler", "bare", int(20_000 * part), reference),
            ("one round trip: PATCH", "patch", int(5_000 * part), reference),
            ("create", "create", int(15_000 * part), 0),
            ("PATCH of two attributes", "patch", int(15_000 * part), 0),
            ("GET by id", "get", int(20_000 * part), 0),
        )
        bench.measure_in_turn(scenarios, connections)
    _query(bench)
    _subscribed(bench)
    _rows(bench)
    _sensors(bench)
    _memory(bench)
    _ratios(bench)


def _query(bench: Bench) -> None:
    _let_the_advisor_learn(bench)
    for connections in (16, 64):
        bench.measure("query, 20 of 10,000 by number", "query", 1500, connections)
    bench.rows.append(("", 0, None, _plan(bench)))


def _let_the_advisor_learn(bench: Bench) -> None:
    """Ask until the index is there, as users would; at most a minute."""
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(bench.mongodb)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run_load(Load("query", 200, 16, "127.0.0.1", bench.broker_port))
        indexes = client[PREFIX]["entities"].index_information()
        if any("temperature" in str(index["key"]) for index in indexes.values()):
            print("  (the index advisor made an index on temperature)")
            return
    print("  (the index advisor made no index on temperature)")


def _plan(bench: Bench) -> str:
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(bench.mongodb)
    path = "a.https://uri%2Eetsi%2Eorg/ngsi-ld/default-context/temperature.value"
    plan = client[PREFIX]["entities"].find({path: {"$gte": 10.0, "$lt": 10.1}}).explain()
    return f"plan: {'index' if 'IXSCAN' in str(plan['queryPlanner']) else 'COLLECTION SCAN'}"


def _subscribed(bench: Bench) -> None:
    # Once more without, as the index on temperature has made updates of it dearer meanwhile.
    bench.measure("PATCH without a subscription", "patch", 12_000, 64)
    with Receiver() as receiver:
        subscription = create_subscription(bench.broker_port, TYPE, receiver.url)
        time.sleep(1)
        for connections in (16, 64):
            before = receiver.notified
            started = time.perf_counter()
            measured = bench.load("patch", 12_000 if connections == 64 else 5_000, connections)
            count = measured.count
            delivered = receiver.wait_for(before + count, seconds=60) - before
            seconds = time.perf_counter() - started
            remark = f"{delivered} of {count} notified, {delivered / seconds:,.0f}/s"
            bench.note("PATCH with a subscription", connections, measured, remark)
        subscription.delete()


def _sensors(bench: Bench) -> None:
    measured = sensors.measure(bench.broker_port, int(15_000 * bench.scale))
    remark = "QoS 1, from the publisher to the commit"
    bench.note("measures over MQTT", 1, measured, remark)


def _rows(bench: Bench) -> None:
    broker = f"http://127.0.0.1:{bench.broker_port}"
    rows = rows_a_second(bench.directory, broker, max(int(20_000 * bench.scale), 500))
    bench.rates["CSV rows", 1] = rows
    print(f"{'CSV rows (mutsura import)':<34} {1:>4} {rows:>9,.0f}", flush=True)


def _memory(bench: Bench) -> None:
    for child in bench.supervisor.children(recursive=True):
        command = " ".join(child.cmdline()[1:4])
        megabytes = child.memory_info().rss / 1e6
        print(f"  {megabytes:>6.0f} MB  {command or child.name()}")


def _ratios(bench: Bench) -> None:
    rates = bench.rates
    bare, trip = rates["bare aiohttp handler", 64], rates["one round trip: PATCH", 64]
    patch, create = rates["PATCH of two attributes", 64], rates["create", 64]
    get, query = rates["GET by id", 64], rates["query, 20 of 10,000 by number", 64]
    subscribed = rates["PATCH with a subscription", 64]
    unsubscribed = rates["PATCH without a subscription", 64]
    for name, ratio, target in (
        ("PATCH : one round trip", patch / trip, 3.0),
        ("create : one round trip", create / trip, 3.0),
        ("PATCH : bare handler", patch / bare, 0.30),
        ("create : bare handler", create / bare, 0.30),
        ("GET : bare handler", get / bare, 0.60),
        ("queries a second", query, 300.0),
        ("PATCH with : without subscription", subscribed / unsubscribed, 0.6),
        ("MQTT measures a second", rates["measures over MQTT", 1], 1500.0),
        ("CSV rows a second", rates["CSV rows", 1], 2000.0),
    ):
        verdict = "reached" if ratio >= target else "NOT REACHED"
        print(f"  {name:<36} {ratio:>8.2f}  target {target:<6} {verdict}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the requests to send")
    arguments = parser.parse_args()
    os.chdir(Path(__file__).resolve().parents[2])
    with running(arguments.scale) as bench:
        run(bench)


if __name__ == "__main__":
    main()
