"""A load generator that costs little: raw HTTP/1.1 over kept-alive connections, one request under
way on each.

Runs in a process of its own (`run_load`), so that it takes no time from whoever called it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

LONGEST = 300
"""Seconds after which a load that does not end is given up."""


@dataclass(frozen=True)
class Load:
    """What to send: `count` requests, numbered in order, of a source in `requests`."""

    source: str
    count: int
    connections: int
    host: str
    port: int
    first: int = 0


@dataclass(frozen=True)
class Measured:
    """What came of it. Times in seconds; `failures` counts statuses other than 2xx."""

    count: int
    seconds: float
    p50: float
    p99: float
    failures: int
    example: str = ""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.count / self.seconds


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            self._buffer = buffer
            return
        length = _content_length(buffer, head)
        if len(buffer) < head + 4 + length:
            self._buffer = buffer
            return
        self._buffer = b""
        self._run.answered(time.perf_counter() - self._sent, buffer)
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.lost()

    def send(self) -> None:
        """Send the next request, or end the connection when there is none."""
        assert self._transport is not None
        request = next(self._run.requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


def _content_length(buffer: bytes, head: int) -> int:
    start = buffer.find(b"Content-Length: ", 0, head)
    if start < 0:
        return 0
    return int(buffer[start + 16 : buffer.find(b"\r\n", start)])


class _Run:
    def __init__(self, requests: Iterator[bytes], connections: int) -> None:
        self.requests = requests
        self.latencies: list[float] = []
        self.failures = 0
        self.example = ""
        self._open = connections
        self.done = asyncio.Event()

    def answered(self, latency: float, answer: bytes) -> None:
        self.latencies.append(latency)
        if answer[9:10] != b"2":
            self.failures += 1
            self.example = self.example or answer[:500].decode("utf-8", "replace")

    def lost(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.done.set()


async def _drive(load: Load) -> Measured:
    from tests.performance import requests  # noqa: PLC0415 - only in the load process

    source = requests.source(load.source, load.first, load.count)
    run = _Run(iter(source), load.connections)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: _Connection(run), load.host, load.port))[1]
        for _ in range(load.connections)
    ]
    started = time.perf_counter()
    for connection in connections:
        connection.send()
    await run.done.wait()
    seconds = time.perf_counter() - started
    latencies = sorted(run.latencies)
    return Measured(
        count=len(latencies),
        seconds=seconds,
        p50=latencies[len(latencies) // 2],
        p99=latencies[int(len(latencies) * 0.99)],
        failures=run.failures,
        example=run.example,
    )


def run_load(load: Load) -> Measured:
    """Run a load in a process of its own and return what it measured."""
    completed = subprocess.run(
        [sys.executable, "-m", "tests.performance.load", json.dumps(asdict(load))],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    if completed.returncode != 0:
        raise RuntimeError(f"the load generator failed: {completed.stderr[-2000:]}")
    return Measured(**json.loads(completed.stdout))


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_drive(Load(**json.loads(sys.argv[1])))))))
