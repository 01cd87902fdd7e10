"""Sends batches until the broker has answered for each entity.

When the broker is away or overloaded a batch is sent again, with pauses that grow, for as long as
it takes; a refused batch is halved until the refused entities stand alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from adapters.runtime import batch
from adapters.runtime.backoff import Backoff
from adapters.runtime.batch import Again, WriteMode, Written
from adapters.runtime.broker_client import Answer, BrokerClient
from adapters.runtime.entity_queue import QueuedEntity
from adapters.runtime.errors import BrokerUnavailable, Rejected
from adapters.runtime.metrics import WRITER_RETRIES
from adapters.runtime.unchanged import is_unchanged
from adapters.runtime.writing import WriterLimits, WriterState

log = logging.getLogger(__name__)

Settle: TypeAlias = Callable[[QueuedEntity, Written | Rejected], None]


class BatchSender:
    """Sends to one broker in one mode; several batches may be under way."""

    def __init__(
        self,
        client: BrokerClient,
        mode: WriteMode,
        *,
        limits: WriterLimits,
        state: WriterState,
        settle: Settle,
    ) -> None:
        """Make a sender that tells `settle` what became of each entity."""
        self._client = client
        self._mode: WriteMode = mode
        self._path, self._params = batch.request_of(mode)
        self._limits = limits
        self._state = state
        self._tell = settle
        self._absent: set[str] = set()

    async def send(self, items: Sequence[QueuedEntity]) -> None:
        """Write entities; return when the broker has answered for each of them."""
        backoff = self._backoff()
        pending = list(items)
        while pending:
            try:
                answer = await self._post(pending)
            except BrokerUnavailable as error:
                await self._pause(backoff, error.detail, error.after)
                continue
            if 200 <= answer.status < 300:
                self._state.waiting_for = None
                pending = await self._accept(pending, answer, backoff)
            elif self._is_refusal(answer, backoff):
                await self._refused(pending, answer)
                return
            else:
                reason = f"HTTP {answer.status}: {answer.problem().get('detail')}"
                await self._pause(backoff, reason, answer.retry_after)

    async def send_changed(self, items: Sequence[QueuedEntity]) -> None:
        """Write those entities that differ from what the broker holds.

        Each id is there once, and every item has its `entity`.
        """
        await self.send(await self._without_unchanged(items))

    async def _without_unchanged(self, items: Sequence[QueuedEntity]) -> Sequence[QueuedEntity]:
        """Settle what the broker holds as it is; return the others."""
        backoff = self._backoff()
        wanted = {item.entity_id: _type_of(item.entity) for item in items}
        while True:
            try:
                held = await self._client.entities(wanted)
            except BrokerUnavailable as error:
                await self._pause(backoff, error.detail, error.after)
            except Rejected as error:
                log.warning("cannot compare with what the broker holds: %s", error.detail)
                return items
            else:
                self._state.waiting_for = None
                self._absent |= wanted.keys() - held.keys()
                return [item for item in items if not self._settled_unchanged(item, held)]

    def _settled_unchanged(self, item: QueuedEntity, held: Mapping[str, Mapping[str, Any]]) -> bool:
        current = held.get(item.entity_id)
        if current is None or item.entity is None:
            return False
        if not is_unchanged(item.entity, current, self._mode):
            return False
        self._settle(item, Written.UNCHANGED)
        return True

    async def _post(self, items: Sequence[QueuedEntity]) -> Answer:
        body = batch.body_of(item.body for item in items)
        return await self._client.send("POST", self._path, params=self._params, body=body)

    def _is_refusal(self, answer: Answer, backoff: Backoff) -> bool:
        if answer.status in batch.FAULTS:
            return backoff.failures + 1 >= self._limits.attempts_on_fault
        return answer.status in batch.REFUSED

    async def _refused(self, items: Sequence[QueuedEntity], answer: Answer) -> None:
        """Find the items a refusal of the whole batch is about, by halving it."""
        if len(items) == 1:
            self._settle(items[0], Rejected(items[0].entity_id, answer.problem()))
            return
        middle = len(items) // 2
        await self.send(items[:middle])
        await self.send(items[middle:])

    async def _accept(
        self, items: Sequence[QueuedEntity], answer: Answer, backoff: Backoff
    ) -> list[QueuedEntity]:
        """Settle what an answer settles; return what is to be sent again, in its order."""
        again: list[QueuedEntity] = []
        alone: list[QueuedEntity] = []
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
            await self.send([item])
        if again:
            await self._pause(backoff, reason, answer.retry_after)
        return again

    def _settle(self, item: QueuedEntity, outcome: Written | Rejected) -> None:
        if item.entity_id in self._absent:
            self._absent.remove(item.entity_id)
            if isinstance(outcome, Written):  # a 207 does not tell created from updated
                outcome = Written.CREATED
        self._state.count(outcome)
        self._tell(item, outcome)

    async def _pause(self, backoff: Backoff, reason: str, after: float | None) -> None:
        if self._state.waiting_for is None:
            log.warning("waiting for the broker: %s", reason)
        self._state.waiting_for = reason
        self._state.retries += 1
        WRITER_RETRIES.inc()
        await backoff.pause(after)

    def _backoff(self) -> Backoff:
        return Backoff(first=self._limits.first_pause, limit=self._limits.longest_pause)


def _type_of(entity: Mapping[str, Any] | None) -> str:
    given = (entity or {}).get("type", "*")
    return given[0] if isinstance(given, list) else str(given)
