"""Linked entities in a query (`sensor{humidity}==40`, clause 4.9): found first, then asked for."""

from __future__ import annotations

from broker.model.errors import TooComplexQuery
from broker.query.ast import And, Expression, Linked, OneOf, Operand, Or, Path, linked_depth
from broker.query.evaluate import compile_predicate
from broker.storage.mongo.documents import decode_entity
from broker.storage.mongo.entity_reader import EntityReader
from broker.storage.mongo.filters import condition_filter, not_expired

MAX_LINKED = 20_000


async def resolve_links(reader: EntityReader, expression: Expression, now: str) -> Expression:
    """Return the expression with each linked entity replaced by the ids of those that match.

    Raises TooComplexQuery if more than `MAX_LINKED` entities do.
    """
    if linked_depth(expression) == 0:
        return expression
    if isinstance(expression, And | Or):
        operands = [await resolve_links(reader, each, now) for each in expression.operands]
        return type(expression)(tuple(operands))
    if not isinstance(expression, Linked):
        return expression
    condition = await resolve_links(reader, expression.condition, now)
    ids = await _matching_ids(reader, expression, condition, now)
    path = Path((expression.relationship,))
    return OneOf(path, tuple(Operand(entity_id) for entity_id in ids))


async def _matching_ids(
    reader: EntityReader, link: Linked, condition: Expression, now: str
) -> list[str]:
    wanted = condition_filter(condition)
    filter_ = {"$and": [wanted.filter, not_expired(now)]}
    if link.types:
        filter_["$and"].insert(0, {"t": {"$in": list(link.types)}})
    holds = None if wanted.is_exact else compile_predicate(condition)
    projection = {"_id": 1} if holds is None else None
    cursor = reader.find(filter_, projection, limit=MAX_LINKED + 1)
    ids: list[str] = [
        document["_id"]
        async for document in cursor
        if holds is None or holds(decode_entity(document))
    ]
    if len(ids) > MAX_LINKED:
        raise TooComplexQuery(
            f"q: more than {MAX_LINKED} linked entities match; add an entity type "
            "(relationship{Type:attribute}) or a narrower condition"
        )
    return ids
