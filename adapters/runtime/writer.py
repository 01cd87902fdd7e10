"""The one way entities reach the broker: batches over the public NGSI-LD API.

A batch takes whatever has arrived while the batches before it were under way. There is no timer:
an idle writer sends at once, a busy one fills its batches by itself. `entity_queue` has what waits,
`batch_sender` what is under way.

Nothing is dropped. A future resolves after the broker has answered for its entity, and with that
the entity is stored durably; an answer that was lost on its way is fetched by writing again, which
changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import orjson

from adapters.runtime.batch import WriteMode, Written
from adapters.runtime.batch_sender import BatchSender
from adapters.runtime.broker_client import BrokerClient
from adapters.runtime.entity_queue import EntityQueue
from adapters.runtime.errors import SkipRecord
from adapters.runtime.writing import WriterLimits, WriterState
from broker.observability.tasks import spawn

log = logging.getLogger(__name__)


class Writer:
    """Writes entities to one broker, for one tenant and in one mode.

    `mode` says what happens to an entity that exists: `update` replaces the attributes given,
    `replace` the whole entity, `merge` merges (and creates nothing). With `skip_unchanged` the
    writer first reads what the broker holds and writes only what differs.

    Use it as an asynchronous context manager, or call `start` and `close`.
    """

    def __init__(
        self,
        client: BrokerClient,
        *,
        mode: WriteMode = "update",
        skip_unchanged: bool = False,
        limits: WriterLimits | None = None,
    ) -> None:
        self.state = WriterState()
        self._skip_unchanged = skip_unchanged
        self._limits = limits or WriterLimits()
        self._queue = EntityQueue(self._limits, self.state, once_a_batch=skip_unchanged)
        sender = BatchSender(
            client, mode, limits=self._limits, state=self.state, settle=self._queue.settle
        )
        self._send = sender.send_changed if skip_unchanged else sender.send
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Writer:
        self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def start(self) -> None:
        """Start sending."""
        for number in range(self._limits.connections):
            worker = spawn(self._work(), name=f"writer-{number}")
            worker.add_done_callback(self._worker_ended)
            self._workers.append(worker)

    async def write(self, entity: Mapping[str, Any]) -> Written:
        """Write one entity and return what became of it once the broker has committed it.

        Raises `Rejected` when the broker refuses it and `NotWritten` when the writer is closed
        before the broker has taken it. Where a batch was partly refused the broker does not tell
        created from updated; then only a writer with `skip_unchanged` knows, others say updated.
        """
        return await (await self.submit(entity))

    async def submit(self, entity: Mapping[str, Any]) -> asyncio.Future[Written]:
        """Queue one entity, waiting for room, and return the future of its fate (see `write`).

        Raises `SkipRecord` for what has no id or is not JSON.
        """
        entity_id = entity.get("id")
        if not isinstance(entity_id, str) or not entity_id:
            raise SkipRecord("the entity has no id")
        try:
            body = orjson.dumps(entity)
        except orjson.JSONEncodeError as error:
            raise SkipRecord(f"{entity_id} cannot be written as JSON: {error}") from error
        compared = entity if self._skip_unchanged else None
        return await self._queue.put(entity_id, body, compared)

    async def flush(self) -> None:
        """Return when the broker has answered for everything submitted so far."""
        await self._queue.settled()

    async def close(self, *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - part of an orderly stop
        """Take nothing more, send what is queued for up to `timeout` seconds, and stop.

        What is not sent by then fails with `NotWritten`.
        """
        self._queue.close()
        try:
            await asyncio.wait_for(self.flush(), timeout)
        except TimeoutError:
            log.warning("writer closed with %d entities unwritten", self.state.pending)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers.clear()
        self._queue.give_up("the writer was closed before the broker had taken it")

    async def _work(self) -> None:
        while True:
            items = await self._queue.take()
            await self._send(items)
            self._queue.release(items)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        """Let nobody wait for ever when a fault of ours ends a worker."""
        if not worker.cancelled() and worker.exception() is not None:
            self._queue.give_up(f"the writer failed: {worker.exception()!r}")
