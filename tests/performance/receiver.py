"""A receiver of notifications that costs little: answers 204 and counts what it was told."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from multiprocessing.sharedctypes import Synchronized
from types import TracebackType
from typing import Any

import orjson
import uvloop


class _Protocol(asyncio.Protocol):
    def __init__(self, notified: Synchronized[int]) -> None:
        self._notified = notified
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = 0
            for line in self._buffer[:head].split(b"\r\n"):
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            end = head + 4 + length
            if len(self._buffer) < end:
                return
            body = orjson.loads(self._buffer[head + 4 : end])
            self._buffer = self._buffer[end:]
            with self._notified.get_lock():
                self._notified.value += len(body["data"])
            self._transport.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")


async def _serve(port: Synchronized[int], notified: Synchronized[int]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(notified), "127.0.0.1", 0)
    port.value = server.sockets[0].getsockname()[1]
    await server.serve_forever()


def _process(port: Synchronized[int], notified: Synchronized[int]) -> None:
    uvloop.run(_serve(port, notified))


class Receiver:
    """Runs in a process of its own while the context lasts."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._port: Synchronized[int] = context.Value("i", 0)
        self._notified: Synchronized[int] = context.Value("i", 0)
        self._process = context.Process(
            target=_process, args=(self._port, self._notified), daemon=True
        )

    def __enter__(self) -> Receiver:
        self._process.start()
        while not self._port.value:
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()

    @property
    def url(self) -> str:
        """Where notifications are to be sent."""
        return f"http://127.0.0.1:{self._port.value}/"

    @property
    def notified(self) -> int:
        """How many entities notifications have brought so far."""
        return self._notified.value

    def wait_for(self, count: int, *, seconds: float) -> int:
        """Wait until that many were notified, or the time is over; return how many were."""
        deadline = time.monotonic() + seconds
        while self.notified < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.notified
