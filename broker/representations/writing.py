"""Entities as consumers asked to see them (clauses 4.5.1 to 4.5.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from broker.model.entity import Entity, Instance
from broker.model.terms import Terms
from broker.representations.concise import write_concise
from broker.representations.normalized import write_normalized
from broker.representations.options import DEFAULT_OPTIONS, RepresentationOptions
from broker.representations.simplified import write_simplified
from broker.representations.writer import Writer, own_members

_WRITERS: Mapping[str, Callable[[list[Instance], Writer], Any]] = {
    "normalized": write_normalized,
    "concise": write_concise,
    "simplified": write_simplified,
}


def write_entity(
    entity: Entity, terms: Terms, options: RepresentationOptions = DEFAULT_OPTIONS
) -> dict[str, Any]:
    """Return an entity as JSON, without an @context; values are shared with it, not copied."""
    writer = Writer(terms, options)
    write = _WRITERS[options.form]
    compact = writer.compact
    body = own_members(entity, writer, options)
    for name, instances in options.select(entity.attributes).items():
        body[compact(name)] = write(instances, writer)
    return body
