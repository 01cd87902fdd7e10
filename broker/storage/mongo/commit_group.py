"""Group commit: the write path of one tenant in one process.

A write joins the queue and waits. A group takes whatever arrived while the previous group was being
written, and what is about to arrive (`write_queue.py`): an idle broker writes at once and a busy
one batches by itself. One group is one transaction: it reads the entities, computes the new ones
with pure functions, and writes them together with one change record for each operation. Nobody
gets an answer before the transaction is journaled.

What can go wrong, and what then happens:

- Another process wrote one of the entities since the transaction read it (the database reports a
  write conflict or a duplicate key): everything is read again and the group is tried again; when
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
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from bson import ObjectId
from bson.errors import BSONError
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern

from broker.model.changes import Change, EntityOperation, Transition
from broker.model.clock import Clock
from broker.model.entity import Entity
from broker.model.errors import (
    BadRequestData,
    DatabaseUnavailable,
    InternalError,
    NgsiLdError,
    Overloaded,
)
from broker.observability.metrics import (
    COMMIT_CONFLICTS,
    COMMIT_GROUP_WRITES,
    COMMIT_SECONDS,
)
from broker.observability.tasks import run_in_background
from broker.storage.mongo.catalogue import COLLECTION as CATALOGUE
from broker.storage.mongo.catalogue import Key, catalogue_updates, count_difference
from broker.storage.mongo.connection import Document
from broker.storage.mongo.documents import (
    Encoded,
    encode_change,
    encode_entity,
    encode_update,
)
from broker.storage.mongo.errors import RETRYABLE_CODES, translate
from broker.storage.mongo.held_entities import HeldEntities
from broker.storage.mongo.repeats import carried_out_by, encode_mark, recorded_for
from broker.storage.mongo.transaction import Transaction, Transactions
from broker.storage.mongo.write_queue import WaitingWrite, WriteQueue

log = logging.getLogger(__name__)

_CONFLICTS = frozenset({112, 11000})  # WriteConflict, DuplicateKey
_SHARDS = 64


@dataclass(slots=True)
class _Plan:
    """What a group does to one entity."""

    base: Entity | None
    current: Entity | None
    changes: list[Change] = field(default_factory=list)
    marks: dict[int, Document] = field(default_factory=dict)

    def touched(self) -> Collection[str]:
        """Return the names of the attributes that may differ between base and current."""
        if len(self.changes) == 1 and self.changes[0].kind == "entityUpdated":
            return self.changes[0].attributes.keys()
        names = {name for change in self.changes for name in change.attributes}
        if self.base is not None and any(one.kind == "entityCreated" for one in self.changes):
            names.update(self.base.attributes)  # made anew in the place of one that had expired
        return names


@dataclass(slots=True)
class _Attempt:
    """A group as computed from one reading: what to write and what to answer."""

    transaction: Transaction | None = None
    plans: dict[str, _Plan] = field(default_factory=dict)
    results: list[tuple[WaitingWrite, Transition | NgsiLdError]] = field(default_factory=list)
    records: list[Document] = field(default_factory=list)
    encoded: Encoded = field(default_factory=dict)


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
    ) -> None:
        self._transactions = transactions
        self._database = database
        self._clock = clock
        self._limits = limits
        self._queue = WriteQueue(limit=limits.queued_writes, group_limit=limits.writes_a_group)
        self._is_running = False
        self._shard = str(os.getpid() % _SHARDS)
        self._held = HeldEntities(limit=limits.held_entities)

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

    # ------------------------------------------------------------------------- one transaction

    async def _commit(self, group: list[WaitingWrite], conflicts: int = 0) -> None:
        """Commit a group, whatever it takes, and answer everybody in it."""
        deadline = asyncio.get_running_loop().time() + self._limits.patience_seconds
        while True:
            attempt = _Attempt()
            try:
                await self._transact(group, attempt)
                break
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
        self._finish(attempt)

    async def _transact(self, group: list[WaitingWrite], attempt: _Attempt) -> None:
        async with self._transactions.begin(self._database) as transaction:
            attempt.transaction = transaction
            held = await self._held.read(transaction, {write.entity_id for write in group})
            tokens = [write.token for write in group if write.token is not None]
            carried_out: dict[str, Transition] = {}
            if tokens:
                carried_out = carried_out_by(
                    await transaction.find("changes", recorded_for(tokens))
                )
            self._compute(group, held, carried_out, attempt)
            if attempt.records:
                await self._write(transaction, attempt)
                await transaction.commit()
            else:
                await transaction.abort()

    def _compute(
        self,
        group: list[WaitingWrite],
        held: dict[str, Entity],
        carried_out: dict[str, Transition],
        attempt: _Attempt,
    ) -> None:
        now = self._clock()
        for write in group:
            token = write.token
            if token is not None and token in carried_out:
                attempt.results.append((write, carried_out[token]))
                continue
            plan = attempt.plans.get(write.entity_id)
            if plan is None:
                base = held.get(write.entity_id)
                plan = attempt.plans[write.entity_id] = _Plan(base, base)
            result = _apply(write, plan.current, now, self._limits.attributes_an_entity)
            if isinstance(result, Transition) and result.change is not None:
                if token is not None:
                    plan.marks[len(plan.changes)] = encode_mark(token, result.outcome)
                    carried_out[token] = result
                plan.changes.append(result.change)
                plan.current = result.entity
            attempt.results.append((write, result))
        for plan in attempt.plans.values():
            for number, change in enumerate(plan.changes):
                record = encode_change(change, ObjectId(), attempt.encoded)
                if plan.marks:
                    record.update(plan.marks.get(number, {}))
                attempt.records.append(record)

    async def _write(self, transaction: Transaction, attempt: _Attempt) -> None:
        await transaction.send({"insert": "changes", "documents": attempt.records})
        # The server stores the records while the statements for the entities are made.
        await asyncio.sleep(0)
        for verb, collection, argument, values in self._statements(attempt):
            await transaction.send({verb: collection, argument: values})

    def _statements(self, attempt: _Attempt) -> list[tuple[str, str, str, list[Document]]]:
        """Return the commands that bring entities and counts to the state after the group."""
        inserts: list[Document] = []
        updates: list[Document] = []
        deletes: list[Document] = []
        counts: Counter[Key] = Counter()
        for entity_id, plan in attempt.plans.items():
            if not plan.changes:
                continue
            touched = plan.touched()
            count_difference(plan.base, plan.current, touched, counts)
            if plan.current is None:
                if plan.base is not None:
                    deletes.append({"q": {"_id": entity_id}, "limit": 1})
            elif plan.base is None:
                inserts.append(encode_entity(plan.current, attempt.encoded))
            else:
                update = _update(plan, touched, attempt.encoded)
                updates.append({"q": {"_id": entity_id}, "u": update})
        commands = [
            ("insert", "entities", "documents", inserts),
            ("update", "entities", "updates", updates),
            ("delete", "entities", "deletes", deletes),
            ("update", CATALOGUE, "updates", catalogue_updates(counts, self._shard)),
        ]
        return [command for command in commands if command[3]]

    # ------------------------------------------------------------------- when it does not work

    async def _is_committed(self, attempt: _Attempt, deadline: float) -> bool:
        if attempt.transaction is None:
            return False
        changes = self._database["changes"].with_options(read_concern=ReadConcern("majority"))
        while True:
            try:
                await self._transactions.put_to_rest(attempt.transaction)
                if not attempt.records:
                    return False
                first = {"_id": attempt.records[0]["_id"]}
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
        for entity_id, plan in attempt.plans.items():
            if plan.changes:
                self._held.hold(entity_id, plan.current)
        for write, result in attempt.results:
            if write.done.done():  # the client went away
                continue
            if isinstance(result, Transition):
                write.done.set_result(result)
            else:
                write.done.set_exception(result)


def _apply(
    write: WaitingWrite, current: Entity | None, now: str, most_attributes: int
) -> Transition | NgsiLdError:
    try:
        result = write.operation(current, now)
    except NgsiLdError as error:
        return error
    except Exception:
        log.exception("an operation on an entity failed", extra={"entity": write.entity_id})
        return InternalError("the operation failed; the log says why")
    if result.entity is not None and len(result.entity.attributes) > most_attributes:
        return BadRequestData(
            f"the entity would have {len(result.entity.attributes)} attributes; "
            f"this broker takes {most_attributes}, split it into several entities"
        )
    return result


def _update(plan: _Plan, touched: Collection[str], encoded: Encoded) -> Document:
    assert plan.base is not None
    assert plan.current is not None
    for change in plan.changes:
        if change.kind != "entityUpdated":  # replaced as a whole: it was deleted and made anew
            return encode_entity(plan.current, encoded)
    return encode_update(plan.base, plan.current, touched, encoded)


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
