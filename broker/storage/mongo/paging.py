"""Pages by key: a page begins after the sort key of the last entity of the one before.

Page 5,000 then costs what page 1 costs, and an entity that stays where it is in the order is
neither skipped nor repeated, whatever is written meanwhile. Without `orderBy` the order is by id,
which never changes. The cursor a client gets is opaque; it holds the key and the direction.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from typing import Any, TypeAlias

from broker.model.errors import BadRequestData
from broker.query.ast import Ordering
from broker.storage.mongo.filters_values import Filter

SortKey: TypeAlias = tuple[tuple[str, int], ...]
"""Document members and directions (1, -1); the last is `_id`, so that no two keys are equal."""

BY_ID: SortKey = (("_id", 1),)

_SORTED_MEMBERS = {"id": "_id", "createdAt": "c", "modifiedAt": "m"}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: beyond `key`, towards the end of the result or its beginning."""

    key: tuple[Any, ...]
    is_backward: bool = False


def write_cursor(cursor: Cursor, ordering: Ordering | None) -> str:
    """Return a cursor as the text a client gets."""
    content = [_fingerprint(ordering), int(cursor.is_backward), *cursor.key]
    packed = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(text: str, ordering: Ordering | None) -> Cursor:
    """Return the cursor `write_cursor` made this text of.

    Raises BadRequestData: the text is no cursor, or one of a query in another order.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        fingerprint, is_backward, *key = json.loads(packed)
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadRequestData(
            "the cursor is not one this broker gave; follow the links of a first page instead"
        ) from error
    if fingerprint != _fingerprint(ordering) or not key:
        raise BadRequestData(
            "the cursor belongs to a query in another order; keep orderBy while following links"
        )
    return Cursor(tuple(key), bool(is_backward))


def _fingerprint(ordering: Ordering | None) -> int:
    return 0 if ordering is None else zlib.crc32(repr(ordering).encode())


def sort_key(ordering: Ordering | None) -> SortKey | None:
    """Return the members to sort by, or None if the database cannot sort this way by an index."""
    if ordering is None:
        return BY_ID
    key: list[tuple[str, int]] = []
    for term in ordering.terms:
        member = None if term.path.names else _SORTED_MEMBERS.get(term.path.member or "")
        if member is None or term.by_distance:
            return None
        key.append((member, -1 if term.is_descending else 1))
        if member == "_id":
            return tuple(key)
    return (*key, *BY_ID)


def reversed_key(key: SortKey) -> SortKey:
    """Return the key of the opposite order."""
    return tuple((member, -direction) for member, direction in key)


def key_of(document: dict[str, Any], key: SortKey) -> tuple[Any, ...]:
    """Return the sort key of a document."""
    return tuple(document[member] for member, _ in key)


def beyond(key: SortKey, values: tuple[Any, ...]) -> Filter:
    """Return the filter on what comes after a document with these values of the key.

    Raises BadRequestData if a (forged) cursor has other values than texts, or too few.
    """
    if len(values) != len(key) or not all(isinstance(value, str) for value in values):
        raise BadRequestData("the cursor is not one this broker gave")
    alternatives: list[Filter] = []
    for place, (member, direction) in enumerate(key):
        filter_: Filter = {name: values[index] for index, (name, _) in enumerate(key[:place])}
        filter_[member] = {"$gt" if direction > 0 else "$lt": values[place]}
        alternatives.append(filter_)
    if len(alternatives) == 1:
        return alternatives[0]
    # the first member bounds the scan of an index, the alternatives decide
    member, direction = key[0]
    bound = {member: {"$gte" if direction > 0 else "$lte": values[0]}}
    return {"$and": [bound, {"$or": alternatives}]}
