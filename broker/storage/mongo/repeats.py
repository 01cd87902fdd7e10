"""Requests that may come again: their keys and answers, and what of them was carried out.

The answer is kept after the writes are committed. What was committed before a crash that came in
between is known from the change records: each holds the token of the element that asked for it, in
the same transaction, and a unique index lets no second one in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from broker.model.changes import Transition
from broker.model.clock import Clock
from broker.model.outcomes import NotUpdated, UpdateResult, UpsertResult
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.documents import decode_change
from broker.storage.mongo.errors import translated
from broker.storage.mongo.tenants import Tenants
from broker.storage.repeats import Answer, Reservation

COLLECTION = "repeats"


class MongoRepeatStore:
    """Implements `broker.storage.repeats.RepeatStore`."""

    def __init__(self, *, databases: Databases, tenants: Tenants, clock: Clock) -> None:
        self._databases = databases
        self._tenants = tenants
        self._clock = clock

    async def reserve(self, tenant: str, key: str, fingerprint: str) -> Reservation:
        """Reserve a key, or return what is known of it. Creates the tenant."""
        await self._tenants.ensure(tenant, "repeats")
        repeats = self._databases.of(tenant)[COLLECTION]
        at = datetime.fromisoformat(self._clock())
        with translated():
            while True:
                known = await repeats.find_one({"_id": key})
                if known is not None:
                    return _reservation(known)
                token = str(ObjectId())
                try:
                    await repeats.insert_one({"_id": key, "f": fingerprint, "n": token, "c": at})
                except DuplicateKeyError:
                    continue
                return Reservation(fingerprint, token, is_new=True)

    async def keep(self, tenant: str, key: str, token: str, answer: Answer) -> Answer:
        """Keep the answer, unless there is one already; return the one that is kept."""
        repeats = self._databases.of(tenant)[COLLECTION]
        kept = {"s": answer.status, "h": dict(answer.headers), "b": answer.body}
        with translated():
            await repeats.update_one(
                {"_id": key, "n": token, "a": {"$exists": False}}, {"$set": {"a": kept}}
            )
            known = await repeats.find_one({"_id": key, "n": token})
        return answer if known is None else _answer(known["a"])


def _reservation(document: Document) -> Reservation:
    answer = _answer(document["a"]) if "a" in document else None
    return Reservation(document["f"], document["n"], is_new=False, answer=answer)


def _answer(document: Document) -> Answer:
    return Answer(document["s"], document["h"], document["b"])


# ---------------------------------------------------------------- what was carried out of them


def encode_mark(token: str, outcome: Any) -> Document:
    """Return the members of a change record that tell which element of a request it answers."""
    mark: Document = {"i": token}
    if isinstance(outcome, UpdateResult):
        refused = [[one.attribute_name, one.reason] for one in outcome.not_updated]
        mark["o"] = {"u": list(outcome.updated), "n": refused}
    elif isinstance(outcome, UpsertResult):
        mark["o"] = {"c": outcome.created}
    return mark


def recorded_for(tokens: Sequence[str]) -> Document:
    """Return the condition for the change records of some elements of requests."""
    return {"i": {"$in": list(tokens)}}


def carried_out_by(records: Iterable[Document]) -> dict[str, Transition]:
    """Return what came of the elements that change records tell of, by token.

    The transitions tell change and outcome, not the entity.
    """
    return {
        record["i"]: Transition(None, decode_change(record), _outcome(record.get("o")))
        for record in records
    }


def _outcome(stored: Document | None) -> UpdateResult | UpsertResult | None:
    if stored is None:
        return None
    if "c" in stored:
        return UpsertResult(created=stored["c"])
    refused = tuple(NotUpdated(name, reason) for name, reason in stored["n"])
    return UpdateResult(tuple(stored["u"]), refused)
