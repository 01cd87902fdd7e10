"""The runtime's test broker on a thread of its own, for commands with their own event loop."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from adapters.runtime.testing import TestBroker
from tests.patience import PATIENCE


class BrokerThread:
    """A broker that serves while the block runs."""

    def __init__(self) -> None:
        self._broker = TestBroker()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return self._broker.url

    @property
    def entities(self) -> dict[str, Any]:
        return self._broker.entities

    @property
    def batches(self) -> int:
        """How many batches were written."""
        return len(self._broker.batches)

    @property
    def broker(self) -> TestBroker:
        return self._broker

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with self._broker.running():
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
