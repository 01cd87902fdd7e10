"""The one way entities reach the broker: batches over the public NGSI-LD API.

A batch takes whatever has arrived while the batches before it were under way. There is no timer:
an idle writer sends at once, a busy one fills its batches by itself. An entity is in one batch at
a time, so writes to one entity arrive in the order they were submitted, however many connections
there are. The queue is bounded: `submit` waits for room, which is the back-pressure that reaches
the source.

Nothing is dropped. When the broker is away or overloaded the batch is sent again, with pauses
that grow, for as long as it takes; a refused batch is halved until the refused items stand alone.
A future resolves after the broker has answered for its entity, and with that the entity is stored
durably; an answer that was lost on its way is fetched by writing again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.runtime import batch
from adapters.runtime.backoff import Backoff
from adapters.runtime.batch import Again, WriteMode, Written
from adapters.runtime.broker_client import Answer, BrokerClient
from adapters.runtime.errors import BrokerUnavailable, NotWritten, Rejected, SkipRecord
from adapters.runtime.metrics import WRITER_ENTITIES, WRITER_PENDING, WRITER_RETRIES
from adapters.runtime.unchanged import is_unchanged
from broker.observability.tasks import spawn

log = logging.getLogger(__name__)

_COUNTED = {outcome: WRITER_ENTITIES.labels(outcome.value) for outcome in Written}


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """How much a writer holds and sends: numbers of entities, bytes of JSON, connections.

    Larger batches cost the broker a little less an entity and more memory (a worker after 10,000
    rows of open data: 123 MB with 100, 134 MB with 250, 147 MB with 500); with three under way it
    has the next one at hand while it writes.
    """

    capacity: int = 5_000
    capacity_bytes: int = 64_000_000
    batch_items: int = 250
    batch_bytes: int = 2_000_000
    connections: int = 3
    attempts_on_fault: int = 4
    first_pause: float = 0.2
    longest_pause: float = 30.0


@dataclass(slots=True)
class WriterState:
    """What the writer has done and what it waits for, for health and metrics."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    retries: int = 0
    pending: int = 0
    waiting_for: str | None = None

    def count(self, outcome: Written) -> None:
        """Add one entity to those written with this outcome."""
        _COUNTED[outcome].inc()
        match outcome:
            case Written.CREATED:
                self.created += 1
            case Written.UPDATED:
                self.updated += 1
            case Written.UNCHANGED:
                self.unchanged += 1


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    entity_id: str
    body: bytes
    entity: Mapping[str, Any] | None
    done: asyncio.Future[Written]


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
        self._client = client
        self._mode: WriteMode = mode
        self._skip_unchanged = skip_unchanged
        self._limits = limits or WriterLimits()
        self._path, self._params = batch.request_of(mode)
        self._waiting: dict[str, deque[_Item]] = {}
        self._ready: deque[str] = deque()
        self._absent: set[str] = set()
        self._bytes = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._closed = False

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
        async with self._turn:
            await self._room_for(len(body))
            return self._enqueue(entity_id, body, entity)

    async def _room_for(self, size: int) -> None:
        while not self._closed and self.state.pending and self._is_full(size):
            self._freed.clear()
            await self._freed.wait()
        if self._closed:
            raise NotWritten("the writer is closed")

    def _is_full(self, size: int) -> bool:
        return (
            self.state.pending >= self._limits.capacity
            or self._bytes + size > self._limits.capacity_bytes
        )

    def _enqueue(
        self, entity_id: str, body: bytes, entity: Mapping[str, Any]
    ) -> asyncio.Future[Written]:
        future: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        item = _Item(entity_id, body, entity if self._skip_unchanged else None, future)
        self.state.pending += 1
        WRITER_PENDING.inc()
        self._bytes += len(body)
        queue = self._waiting.get(entity_id)
        if queue is None:
            self._waiting[entity_id] = deque([item])
            self._ready.append(entity_id)
            self._arrived.set()
        else:
            queue.append(item)
        return future

    async def flush(self) -> None:
        """Return when the broker has answered for everything submitted so far."""
        futures = [item.done for queue in self._waiting.values() for item in queue]
        if futures:
            await asyncio.wait(futures)

    async def close(self, *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - part of an orderly stop
        """Take nothing more, send what is queued for up to `timeout` seconds, and stop.

        What is not sent by then fails with `NotWritten`.
        """
        self._closed = True
        self._freed.set()
        try:
            await asyncio.wait_for(self.flush(), timeout)
        except TimeoutError:
            log.warning("writer closed with %d entities unwritten", self.state.pending)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers.clear()
        self._give_up("the writer was closed before the broker had taken it")

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        """Let nobody wait for ever when a fault of ours ends a worker."""
        if worker.cancelled() or worker.exception() is None:
            return
        self._closed = True
        self._freed.set()
        self._give_up(f"the writer failed: {worker.exception()!r}")

    def _give_up(self, reason: str) -> None:
        for item in [item for queue in self._waiting.values() for item in queue]:
            if not item.done.done():
                self._fail(item, NotWritten(f"{item.entity_id} was not written: {reason}"))

    async def _work(self) -> None:
        while True:
            items = self._take()
            if not items:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._deliver(items)
            self._release(items)

    def _take(self) -> list[_Item]:
        """Take ready items up to the limits; their entities stay reserved until `_release`."""
        items: list[_Item] = []
        size = 0
        while self._ready and len(items) < self._limits.batch_items:
            queue = self._waiting[self._ready[0]]
            if items and size + len(queue[0].body) > self._limits.batch_bytes:
                break
            self._ready.popleft()
            for item in queue:
                if len(items) >= self._limits.batch_items or size > self._limits.batch_bytes:
                    break
                items.append(item)
                size += len(item.body)
                if self._skip_unchanged:
                    break
        return items

    def _release(self, items: Sequence[_Item]) -> None:
        for item in items:
            self._waiting[item.entity_id].popleft()
        for entity_id in dict.fromkeys(item.entity_id for item in items):
            if self._waiting[entity_id]:
                self._ready.append(entity_id)
            else:
                del self._waiting[entity_id]
        if self._ready:
            self._arrived.set()

    async def _deliver(self, items: Sequence[_Item]) -> None:
        if self._skip_unchanged:
            items = await self._drop_unchanged(items)
        if items:
            await self._send(items)

    async def _drop_unchanged(self, items: Sequence[_Item]) -> list[_Item]:
        backoff = self._backoff()
        wanted = {item.entity_id: _type_of(item.entity) for item in items}
        while True:
            try:
                held = await self._client.entities(wanted)
            except BrokerUnavailable as error:
                await self._pause(backoff, error.detail, error.after)
            except Rejected as error:
                log.warning("cannot compare with what the broker holds: %s", error.detail)
                return list(items)
            else:
                self.state.waiting_for = None
                self._absent |= wanted.keys() - held.keys()
                return [item for item in items if not self._settled_unchanged(item, held)]

    def _settled_unchanged(self, item: _Item, held: Mapping[str, Mapping[str, Any]]) -> bool:
        current = held.get(item.entity_id)
        if current is None or item.entity is None:
            return False
        if not is_unchanged(item.entity, current, self._mode):
            return False
        self._settle(item, Written.UNCHANGED)
        return True

    async def _send(self, items: Sequence[_Item]) -> None:
        """Send items until the broker has answered for each of them."""
        backoff = self._backoff()
        pending = list(items)
        while pending:
            try:
                answer = await self._post(pending)
            except BrokerUnavailable as error:
                await self._pause(backoff, error.detail, error.after)
                continue
            if 200 <= answer.status < 300:
                self.state.waiting_for = None
                pending = await self._accept(pending, answer, backoff)
            elif self._is_refusal(answer, backoff):
                await self._refused(pending, answer)
                return
            else:
                reason = f"HTTP {answer.status}: {answer.problem().get('detail')}"
                await self._pause(backoff, reason, answer.retry_after)

    async def _post(self, items: Sequence[_Item]) -> Answer:
        body = batch.body_of(item.body for item in items)
        return await self._client.send("POST", self._path, params=self._params, body=body)

    def _is_refusal(self, answer: Answer, backoff: Backoff) -> bool:
        if answer.status in batch.FAULTS:
            return backoff.failures + 1 >= self._limits.attempts_on_fault
        return answer.status in batch.REFUSED

    async def _refused(self, items: Sequence[_Item], answer: Answer) -> None:
        """Find the items a refusal of the whole batch is about, by halving it."""
        if len(items) == 1:
            self._settle(items[0], Rejected(items[0].entity_id, answer.problem()))
            return
        middle = len(items) // 2
        await self._send(items[:middle])
        await self._send(items[middle:])

    async def _accept(
        self, items: Sequence[_Item], answer: Answer, backoff: Backoff
    ) -> list[_Item]:
        """Settle what an answer settles; return what is to be sent again, in its order."""
        again: list[_Item] = []
        alone: list[_Item] = []
        reason = ""
        found = batch.outcomes([item.entity_id for item in items], answer)
        for item, outcome in zip(items, found, strict=True):
            if not isinstance(outcome, Again):
                self._settle(item, outcome)
            elif not outcome.alone:
                again.append(item)
                reason = outcome.reason
            elif len(items) == 1:
                self._settle(item, Rejected(item.entity_id, {"detail": outcome.reason}))
            else:
                alone.append(item)
        for item in alone:
            await self._send([item])
        if again:
            await self._pause(backoff, reason, answer.retry_after)
        return again

    def _settle(self, item: _Item, outcome: Written | Rejected) -> None:
        if isinstance(outcome, Rejected):
            self._absent.discard(item.entity_id)
            self.state.rejected += 1
            WRITER_ENTITIES.labels("rejected").inc()
            self._fail(item, outcome)
            return
        if item.entity_id in self._absent:  # a 207 does not tell created from updated
            self._absent.remove(item.entity_id)
            outcome = Written.CREATED
        self.state.count(outcome)
        self._free(item)
        if not item.done.done():
            item.done.set_result(outcome)

    def _fail(self, item: _Item, error: Rejected | NotWritten) -> None:
        self._free(item)
        if item.done.done():
            return
        item.done.set_exception(error)
        if isinstance(error, NotWritten):
            item.done.exception()  # whoever waits still gets it; a stop is no fault to log

    def _free(self, item: _Item) -> None:
        self.state.pending -= 1
        WRITER_PENDING.dec()
        self._bytes -= len(item.body)
        self._freed.set()

    async def _pause(self, backoff: Backoff, reason: str, after: float | None) -> None:
        if self.state.waiting_for is None:
            log.warning("waiting for the broker: %s", reason)
        self.state.waiting_for = reason
        self.state.retries += 1
        WRITER_RETRIES.inc()
        await backoff.pause(after)

    def _backoff(self) -> Backoff:
        return Backoff(first=self._limits.first_pause, limit=self._limits.longest_pause)


def _type_of(entity: Mapping[str, Any] | None) -> str:
    given = (entity or {}).get("type", "*")
    return given[0] if isinstance(given, list) else str(given)
