"""What a commit group does, computed from the present states of its entities: nothing is read here,
and nothing written."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bson import ObjectId

from broker.model.changes import Change, Transition
from broker.model.clock import format_time
from broker.model.entity import Entity
from broker.model.errors import BadRequestData, InternalError, NgsiLdError
from broker.storage.mongo.catalogue import COLLECTION as CATALOGUE
from broker.storage.mongo.catalogue import Key, catalogue_updates, count_difference
from broker.storage.mongo.connection import Document
from broker.storage.mongo.documents import (
    Encoded,
    encode_change,
    encode_entity,
    encode_update,
)
from broker.storage.mongo.neighbours import ToldUpdate
from broker.storage.mongo.repeats import encode_mark
from broker.storage.mongo.write_queue import WaitingWrite

log = logging.getLogger(__name__)

_TICK = timedelta(microseconds=1)

UPDATED_NOTHING = 66
"""The code (ImmutableField) with which the server refuses to update an entity that is not there."""


@dataclass(slots=True)
class EntityPlan:
    """What a group does to one entity, and the time it gives to that."""

    base: Entity | None
    current: Entity | None
    now: str
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

    def make_update(self, touched: Collection[str], encoded: Encoded) -> Document:
        """Make the update that brings the stored base to the current state."""
        assert self.base is not None
        assert self.current is not None
        if all(change.kind == "entityUpdated" for change in self.changes):
            return encode_update(self.base, self.current, touched, encoded)
        return encode_entity(self.current, encoded)  # it was deleted and made anew


@dataclass(slots=True)
class GroupPlan:
    """A group as computed from one reading: what to write and what to answer."""

    id: bytes = field(default_factory=lambda: ObjectId().binary)  # as which it is encoded fastest
    entities: dict[str, EntityPlan] = field(default_factory=dict)
    results: list[tuple[WaitingWrite, Transition | NgsiLdError]] = field(default_factory=list)
    records: list[Document] = field(default_factory=list)
    encoded: Encoded = field(default_factory=dict)

    def compute(
        self,
        group: Sequence[WaitingWrite],
        present: Mapping[str, Entity],
        carried_out: dict[str, Transition],
        now: str,
        most_attributes: int,
    ) -> None:
        """Apply the operations in order; those whose token was carried out before are answered so.

        `present` has the entities that exist, by id.
        """
        for write in group:
            token = write.token
            if token is not None and token in carried_out:
                self.results.append((write, carried_out[token]))
                continue
            plan = self.entities.get(write.entity_id)
            if plan is None:
                base = present.get(write.entity_id)
                plan = EntityPlan(base, base, _time_after(base, now))
                self.entities[write.entity_id] = plan
            result = _apply(write, plan.current, plan.now, most_attributes)
            if isinstance(result, Transition) and result.change is not None:
                if token is not None:
                    plan.marks[len(plan.changes)] = encode_mark(token, result.outcome)
                    carried_out[token] = result
                plan.changes.append(result.change)
                plan.current = result.entity
            self.results.append((write, result))
        self._record()

    def untouched(self) -> list[str]:
        """Return the ids of the entities for which no document is written.

        Nothing was changed, or what was created is gone again.
        """
        return [
            one
            for one, plan in self.entities.items()
            if not plan.changes or plan.base is plan.current is None
        ]

    def told(self) -> list[ToldUpdate]:
        """Return what other workers should know of it."""
        return [
            ToldUpdate.of(plan.base, plan.current, plan.touched())
            for plan in self.entities.values()
            if plan.changes and plan.base is not None
        ]

    def statements(self, shard: str, presumed: Collection[str]) -> list[Document]:
        """Return the commands that bring entities and counts to the state after the group.

        Those of the entities that are presumed to be there fail if they are not.
        """
        inserts: list[Document] = []
        updates: list[Document] = []
        deletes: list[Document] = []
        counts: Counter[Key] = Counter()
        for entity_id, plan in self.entities.items():
            if not plan.changes:
                continue
            touched = plan.touched()
            count_difference(plan.base, plan.current, touched, counts)
            if plan.current is None:
                if plan.base is not None:
                    deletes.append({"q": {"_id": entity_id}, "limit": 1})
            elif plan.base is None:
                inserts.append(encode_entity(plan.current, self.encoded))
            else:
                update = {"q": {"_id": entity_id}, "u": plan.make_update(touched, self.encoded)}
                updates.append(_or_fail(update) if entity_id in presumed else update)
        commands = (
            ("insert", "entities", "documents", inserts),
            ("update", "entities", "updates", updates),
            ("delete", "entities", "deletes", deletes),
            ("update", CATALOGUE, "updates", catalogue_updates(counts, shard)),
        )
        return [
            {verb: collection, argument: documents}
            for verb, collection, argument, documents in commands
            if documents
        ]

    def _record(self) -> None:
        for plan in self.entities.values():
            base = plan.base
            for number, change in enumerate(plan.changes):
                record = encode_change(
                    change, self.id, self.encoded, base=base, place=len(self.records)
                )
                base = None
                if number:
                    record["q"] = number
                if plan.marks:
                    record.update(plan.marks.get(number, {}))
                self.records.append(record)


def _or_fail(statement: Document) -> Document:
    """Return an update that fails with UPDATED_NOTHING when there is nothing to update.

    Where it would have to insert, the id it is to give is not the one it was asked for. (An entity
    that is replaced is put in its place: it is given whole.)
    """
    update = statement["u"]
    if "$set" in update:
        update = {**update, "$setOnInsert": {"_id": None}}
    return {"q": statement["q"], "u": update, "upsert": True}


def _time_after(base: Entity | None, now: str) -> str:
    """Return the time of a change: now, or right after the last one if the clock was set back.

    What sorts an entity's changes by time then has them in their order, and its `modifiedAt`
    (clause 4.8) never is earlier than one that was shown before.
    """
    if base is None or base.modified_at < now:
        return now
    return format_time(datetime.fromisoformat(base.modified_at) + _TICK)


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
