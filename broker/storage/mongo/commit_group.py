"""Group commit: the write path of one tenant in one process.

A write joins the queue and waits. A group takes whatever arrived while the previous group was being
written, and what is about to arrive (`write_queue.py`): an idle broker writes at once and a busy
one batches by itself. One group is one transaction: it reads the entities it does not hold,
computes the new ones with pure functions (`group_plan.py`), and writes them together with one
change record for each operation. Nobody gets an answer before the transaction is journaled.

What can go wrong, and what then happens:

- Another process wrote one of the entities since this one read or wrote it (the database reports a
  write conflict or a duplicate key): everything is read and the group is tried again; when
  that goes on, the group is split, so that only the entities in dispute keep waiting.
- The database refuses one entity (too large, a geometry it cannot index): the group is split until
  the culprit stands alone; only its writes fail.
- The connection breaks: whether the transaction was committed is found out by looking for its
  first change record, whose id is chosen here; then the group is either done or tried again, until
  the patience is at an end (DatabaseUnavailable).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bson.errors import BSONError
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern

from broker.model.changes import EntityOperation, Transition
from broker.model.clock import Clock, format_time
from broker.model.entity import Entity
from broker.model.errors import (
    DatabaseUnavailable,
    InternalError,
    NgsiLdError,
    Overloaded,
)
from broker.model.patching import CreateEntity
from broker.observability.metrics import (
    COMMIT_CONFLICTS,
    COMMIT_GROUP_WRITES,
    COMMIT_SECONDS,
)
from broker.observability.tasks import run_in_background
from broker.storage.mongo.connection import Document
from broker.storage.mongo.conversation import Loan
from broker.storage.mongo.documents import decode_entity
from broker.storage.mongo.errors import RETRYABLE_CODES, translate
from broker.storage.mongo.group_plan import UPDATED_NOTHING, GroupPlan
from broker.storage.mongo.held_entities import HeldEntities
from broker.storage.mongo.neighbours import ToldUpdate
from broker.storage.mongo.repeats import carried_out_by, recorded_for
from broker.storage.mongo.transaction import Transaction, Transactions
from broker.storage.mongo.write_queue import WaitingWrite, WriteQueue

log = logging.getLogger(__name__)

_CONFLICTS = frozenset({112, 11000, UPDATED_NOTHING})  # WriteConflict, DuplicateKey
_SHARDS = 64
_FRESH = timedelta(seconds=10)
"""For how long what was written is taken to be there still: who writes less often can well read.
It bounds the time in which a database that was restored meanwhile is taken for what it was."""


class _Outdated(Exception):
    """What was presumed of an entity is not what is stored."""


Presumed = Mapping[str, Entity | None]
"""Entities as they are taken to be without having been read; None: there is none."""


@dataclass(slots=True)
class _Attempt:
    """One try at a group: its transaction, what was presumed, and what was made of it."""

    presumed: Presumed = field(default_factory=dict)
    transaction: Transaction | None = None
    plan: GroupPlan = field(default_factory=GroupPlan)
    tell: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Bounds of a commit group; nothing in it grows beyond them."""

    queued_writes: int = 10_000
    writes_a_group: int = 500
    held_entities: int = 2_000
    attributes_an_entity: int = 1_000
    conflicts_before_split: int = 4
    conflicts_before_giving_up: int = 60
    patience_seconds: float = 15.0


class CommitGroup:
    """Collects the writes of one tenant in this process and commits them together."""

    def __init__(
        self,
        *,
        transactions: Transactions,
        database: AsyncDatabase[Document],
        clock: Clock,
        limits: GroupLimits,
        telling: Callable[[GroupPlan], Callable[[], None]],
    ) -> None:
        self._transactions = transactions
        self._database = database
        self._clock = clock
        self._limits = limits
        self._telling = telling
        self._queue = WriteQueue(limit=limits.queued_writes, group_limit=limits.writes_a_group)
        self._is_running = False
        self._shard = str(os.getpid() % _SHARDS)
        self._held = HeldEntities(limit=limits.held_entities)
        self._loan = Loan(database.client)

    def enter(
        self,
        writes: Sequence[tuple[str, EntityOperation]],
        tokens: Sequence[str | None] | None = None,
    ) -> list[asyncio.Future[Transition]]:
        """Queue operations in order; each future resolves when its operation is durable.

        Raises Overloaded, and queues nothing, when the queue is full.
        """
        entered = self._queue.enter(writes, tokens)
        if not self._is_running:
            self._is_running = True
            run_in_background(self._run(), name="commit group")
        return entered

    def hear(self, updates: Iterable[ToldUpdate]) -> None:
        """Go on from what other workers of this node have written."""
        for told in updates:
            self._held.follow(told)

    @property
    def queue_length(self) -> int:
        """The number of writes that wait for a group."""
        return len(self._queue)

    async def _run(self) -> None:
        try:
            async for group in self._queue.groups():
                COMMIT_GROUP_WRITES.observe(len(group))
                try:
                    with COMMIT_SECONDS.time():
                        await self._commit(group)
                except NgsiLdError as error:
                    _fail(group, error)
                except Exception:
                    log.exception("a commit group failed")
                    _fail(group, InternalError("the write failed; the log says why"))
        finally:
            self._is_running = False
            await self._loan.give_back()

    # ------------------------------------------------------------------------- one transaction

    async def _commit(self, group: list[WaitingWrite], conflicts: int = 0) -> None:
        """Commit a group, whatever it takes, and answer everybody in it."""
        deadline = asyncio.get_running_loop().time() + self._limits.patience_seconds
        attempt = _Attempt(self._presume(group))
        while True:
            try:
                await self._transact(group, attempt)
                break
            except _Outdated:
                COMMIT_CONFLICTS.inc()
            except (PyMongoError, BSONError, OverflowError) as error:
                if _is_outage(error):
                    await self._wait_for_database(error, deadline)
                    if await self._is_committed(attempt, deadline):
                        break
                elif _is_conflict(error):
                    conflicts += 1
                    COMMIT_CONFLICTS.inc()
                    await asyncio.sleep(random.uniform(0, 0.004 * conflicts))  # noqa: S311 - jitter
                    if conflicts % self._limits.conflicts_before_split == 0:
                        await self._settle_dispute(group, conflicts)
                        return
                else:
                    await self._isolate(group, error)
                    return
            if attempt.presumed:
                self._held.mistrust(attempt.presumed)
            attempt = _Attempt()
        self._finish(attempt)

    async def _transact(self, group: list[WaitingWrite], attempt: _Attempt) -> None:
        plan = attempt.plan
        async with self._transactions.begin(self._database, self._loan) as transaction:
            attempt.transaction = transaction
            present = await self._read(transaction, group, attempt.presumed)
            tokens = [write.token for write in group if write.token is not None]
            carried_out: dict[str, Transition] = {}
            if tokens:
                carried_out = carried_out_by(
                    await transaction.find("changes", recorded_for(tokens))
                )
            most = self._limits.attributes_an_entity
            plan.compute(group, present, carried_out, self._clock(), most)
            await self._confirm_untouched(transaction, attempt)
            if plan.records:
                await self._write(transaction, attempt)
                await transaction.ask_to_commit()
                await asyncio.sleep(0)
                attempt.tell = self._telling(plan)  # while the server works
                await transaction.ended()
            else:
                await transaction.abort()

    def _presume(self, group: list[WaitingWrite]) -> Presumed:
        """Return what this process holds, and that there is nothing yet where one is created."""
        held = self._held
        if held.is_mistrusted():
            return {}
        since = format_time(datetime.fromisoformat(self._clock()) - _FRESH)
        presumed: dict[str, Entity | None] = {}
        for write in group:
            entity = held.recall(write.entity_id, since)
            if entity is not None or isinstance(write.operation, CreateEntity):
                presumed.setdefault(write.entity_id, entity)
        return presumed

    async def _read(
        self, transaction: Transaction, group: list[WaitingWrite], presumed: Presumed
    ) -> dict[str, Entity]:
        """Return the entities of a group that exist: as presumed, and the others as stored."""
        present = {one: entity for one, entity in presumed.items() if entity is not None}
        missing = list({write.entity_id for write in group} - presumed.keys())
        if missing:
            for document in await transaction.find("entities", {"_id": {"$in": missing}}):
                present[document["_id"]] = decode_entity(document)
        return present

    async def _confirm_untouched(self, transaction: Transaction, attempt: _Attempt) -> None:
        """Compare what answers rest on, and no write puts to the test, with what is stored.

        Version and time of modification are compared, for an entity made anew begins with version
        1 again. Raises _Outdated.
        """
        presumed = attempt.presumed
        ids = [one for one in attempt.plan.untouched() if one in presumed] if presumed else []
        if not ids:
            return
        condition = {"_id": {"$in": ids}}
        stored = {
            document["_id"]: (document["v"], document["m"])
            for document in await transaction.find("entities", condition, {"v": 1, "m": 1})
        }
        for one in ids:
            entity = presumed[one]
            expected = None if entity is None else (entity.version, entity.modified_at)
            if stored.get(one) != expected:
                raise _Outdated

    async def _write(self, transaction: Transaction, attempt: _Attempt) -> None:
        await transaction.send({"insert": "changes", "documents": attempt.plan.records})
        # The server stores the records while the statements for the entities are made.
        await asyncio.sleep(0)
        for statement in attempt.plan.statements(self._shard, attempt.presumed):
            await transaction.send(statement)

    # ------------------------------------------------------------------- when it does not work

    async def _is_committed(self, attempt: _Attempt, deadline: float) -> bool:
        if attempt.transaction is None:
            return False
        changes = self._database["changes"].with_options(read_concern=ReadConcern("majority"))
        while True:
            try:
                await self._transactions.put_to_rest(attempt.transaction)
                if not attempt.plan.records:
                    return False
                first = {"_id": attempt.plan.records[0]["_id"], "g": attempt.plan.id}
                return await changes.find_one(first, {"_id": 1}) is not None
            except PyMongoError as error:
                await self._wait_for_database(error, deadline)

    async def _wait_for_database(self, error: Exception, deadline: float) -> None:
        """Wait a moment after a broken connection; raise what waiting does not mend."""
        if not _is_outage(error):
            raise error
        if asyncio.get_running_loop().time() >= deadline:
            raise DatabaseUnavailable(
                "the database does not answer; whether the write was carried out is not known"
            ) from error
        await asyncio.sleep(random.uniform(0.05, 0.2))  # noqa: S311 - jitter

    async def _settle_dispute(self, group: list[WaitingWrite], conflicts: int) -> None:
        if conflicts >= self._limits.conflicts_before_giving_up:
            _fail(group, Overloaded("the entity is being changed too often; try again"))
            return
        for part in _halves(group):
            await self._commit(part, conflicts)

    async def _isolate(self, group: list[WaitingWrite], error: Exception) -> None:
        """Find the entity the database refuses by committing the group in parts."""
        parts = _halves(group)
        if len(parts) == 1:
            log.warning("the database refused a write", exc_info=error)
            _fail(group, translate(error))
            return
        for part in parts:
            await self._commit(part)

    # ------------------------------------------------------------------------------- finishing

    def _finish(self, attempt: _Attempt) -> None:
        if attempt.tell is not None:
            attempt.tell()  # first, as who is answered may turn to another worker
        for entity_id, plan in attempt.plan.entities.items():
            if plan.changes:
                self._held.hold(entity_id, plan.current)
        for write, result in attempt.plan.results:
            if write.done.done():  # the client went away
                continue
            if isinstance(result, Transition):
                write.done.set_result(result)
            else:
                write.done.set_exception(result)


def _halves(group: list[WaitingWrite]) -> list[list[WaitingWrite]]:
    """Split a group in two by entity, so that the order within an entity stays."""
    ids = sorted({write.entity_id for write in group})
    first = set(ids[: len(ids) // 2])
    parts = [
        [write for write in group if write.entity_id in first],
        [write for write in group if write.entity_id not in first],
    ]
    return [part for part in parts if part]


def _is_conflict(error: Exception) -> bool:
    return isinstance(error, OperationFailure) and (
        error.code in _CONFLICTS or error.has_error_label("TransientTransactionError")
    )


def _is_outage(error: Exception) -> bool:
    return isinstance(error, ConnectionFailure | WriteConcernError) or (
        isinstance(error, OperationFailure) and error.code in RETRYABLE_CODES
    )


def _fail(writes: Iterable[WaitingWrite], error: NgsiLdError) -> None:
    for write in writes:
        if not write.done.done():
            write.done.set_exception(error)
