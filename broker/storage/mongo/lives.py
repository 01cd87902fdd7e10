"""Which records of changes belong to one life of an entity: from a creation to a deletion.

An entity that is created again counts its versions anew, and times tell lives apart only as far as
clocks can be trusted. What tells for certain is `createdAt`: the record of a creation has it as its
time, a record that goes on from a stored state in its name, and one that follows on another in a
group belongs to the life of that one.
"""

from __future__ import annotations

from collections.abc import Iterable

from broker.model.changes import Change
from broker.storage.mongo.connection import Document
from broker.storage.mongo.documents import NO_STATE, records_between


def records_after(change: Change, records: Iterable[Document]) -> list[Document]:
    """Return the records that follow on a change in the same life, in order.

    `records` are those of the entity from that version on, and what `group_before` asks for.
    """
    records = list(records)
    by_version: dict[int, list[Document]] = {}
    for record in records:
        by_version.setdefault(record["v"], []).append(record)
    last = _record_of(change, records)
    life = None if last is None else _life_of(last, by_version)
    following: list[Document] = []
    while last is not None and last["k"] != "entityDeleted":
        after = by_version.get(last["v"] + 1, ())
        last = next((one for one in after if _life_of(one, by_version) == life), None)
        if last is not None:
            following.append(last)
    return following


def group_before(change: Change, records: Iterable[Document]) -> Document | None:
    """Return the condition for the records of its group that came before a change, if any did."""
    own = _record_of(change, records)
    if own is None or "q" not in own:
        return None
    first = max(0, change.version - own["q"])
    return {**records_between(change.entity_id, first, change.version - 1), "g": own["g"]}


def _record_of(change: Change, records: Iterable[Document]) -> Document | None:
    mine = (one for one in records if one["v"] == change.version and one["at"] == change.at)
    return next(mine, None)


def _life_of(record: Document, by_version: dict[int, list[Document]]) -> str:
    if record["k"] == "entityCreated":
        created_at: str = record["at"]
        return created_at
    state: str = record["_id"].rpartition(" ")[2]
    if not state.startswith(NO_STATE):
        return state
    for before in by_version.get(record["v"] - 1, ()):
        if before["g"] == record["g"] and before.get("q", 0) == record.get("q", 0) - 1:
            return _life_of(before, by_version)
    return ""
