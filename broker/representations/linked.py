"""Linked entities, inline or flat (clause 4.5.23): what to load, and the answer with it.

Loading is the caller's: it asks `missing_targets` what is not there yet, fetches it, and repeats
until nothing is missing. A target that does not exist is entered as None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from broker.model.attributes import LIST_RELATIONSHIP, RELATIONSHIP
from broker.model.entity import NULL, Entity, Instance
from broker.model.terms import Terms
from broker.representations.options import RepresentationOptions
from broker.representations.writing import write_entity

Loaded: TypeAlias = Mapping[str, Entity | None]
"""The entities loaded so far by id; None stands for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Links:
    """How far to follow relationships: `levels` deep, never to the ids in `contained_by`."""

    levels: int
    contained_by: frozenset[str] = frozenset()

    def next_level(self, entity_id: str) -> Links:
        """Return what remains when an entity has been reached."""
        return Links(self.levels - 1, self.contained_by | {entity_id})


def missing_targets(
    entities: Iterable[Entity], links: Links, options: RepresentationOptions, loaded: Loaded
) -> set[str]:
    """Return the ids that have to be loaded before the entities can be written."""
    missing: set[str] = set()
    for entity in entities:
        if links.levels > 0:
            _collect_missing(entity, links.next_level(entity.id), options, loaded, missing)
    return missing


def write_inline(
    entity: Entity, terms: Terms, options: RepresentationOptions, links: Links, loaded: Loaded
) -> dict[str, Any]:
    """Return an entity with the entities it links to inside its relationships (4.5.23.2)."""
    body = write_entity(entity, terms, options)
    if links.levels <= 0:
        return body
    rest = links.next_level(entity.id)
    for name, instances in options.select(entity.attributes).items():
        inner = linked_options(options, name)
        written = {
            target: write_inline(found, terms, inner, rest, loaded)
            for instance in instances
            for target in targets_of(instance)
            if (found := _reached(target, rest, loaded)) is not None
        }
        if written:
            key = terms.compact(name)
            body[key] = _with_linked(body[key], instances, written, options)
    return body


def write_flat(
    entities: Sequence[Entity],
    terms: Terms,
    options: RepresentationOptions,
    links: Links,
    loaded: Loaded,
) -> list[dict[str, Any]]:
    """Return entities, followed by those they link to, each once (clause 4.5.23.3)."""
    shown = {entity.id for entity in entities} | links.contained_by
    bodies = [write_entity(entity, terms, options) for entity in entities]
    level = [(entity, options) for entity in entities]
    for _ in range(links.levels):
        reached: list[tuple[Entity, RepresentationOptions]] = []
        for entity, asked in level:
            for target, inner in _links_of(entity, asked):
                found = loaded.get(target)
                if found is not None and target not in shown:
                    shown.add(target)
                    reached.append((found, inner))
        bodies.extend(write_entity(entity, terms, asked) for entity, asked in reached)
        level = reached
    return bodies


def targets_of(instance: Instance) -> list[str]:
    """Return the ids a relationship points to; none for a property."""
    if instance["type"] == RELATIONSHIP:
        target = instance["object"]
        targets = target if type(target) is list else [target]
    elif instance["type"] == LIST_RELATIONSHIP:
        targets = [target["object"] for target in instance["objectList"]]
    else:
        return []
    return [target for target in targets if target != NULL]


def linked_options(options: RepresentationOptions, name: str) -> RepresentationOptions:
    """Return the options for the entities an attribute links to (clause 4.21).

    What the projection says in braces after the name is theirs; without braces they are whole.
    """
    if options.pick is None and options.omit is None:
        return options
    return replace(
        options,
        pick=None if options.pick is None else options.pick.get(name),
        omit=None if options.omit is None else options.omit.get(name),
    )


def _links_of(
    entity: Entity, options: RepresentationOptions
) -> Iterator[tuple[str, RepresentationOptions]]:
    for name, instances in options.select(entity.attributes).items():
        for instance in instances:
            targets = targets_of(instance)
            if targets:
                inner = linked_options(options, name)
                yield from ((target, inner) for target in targets)


def _collect_missing(
    entity: Entity,
    links: Links,
    options: RepresentationOptions,
    loaded: Loaded,
    missing: set[str],
) -> None:
    for target, inner in _links_of(entity, options):
        if target in links.contained_by:
            continue
        if target not in loaded:
            missing.add(target)
        elif (found := loaded[target]) is not None and links.levels > 0:
            _collect_missing(found, links.next_level(target), inner, loaded, missing)


def _reached(target: str, links: Links, loaded: Loaded) -> Entity | None:
    return None if target in links.contained_by else loaded.get(target)


def _with_linked(
    written: Any,
    instances: list[Instance],
    linked: Mapping[str, dict[str, Any]],
    options: RepresentationOptions,
) -> Any:
    """Return a written attribute with the linked entities put into its relationships."""
    if options.form == "simplified":
        return _simplified_with_linked(written, instances, linked)
    if len(instances) == 1:
        return _instance_with_linked(written, instances[0], linked)
    return [
        _instance_with_linked(body, instance, linked)
        for body, instance in zip(written, instances, strict=True)
    ]


def _instance_with_linked(
    body: dict[str, Any], instance: Instance, linked: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    found = [linked[target] for target in targets_of(instance) if target in linked]
    if not found:
        return body
    if instance["type"] == LIST_RELATIONSHIP:
        return {**body, "entityList": found}
    return {**body, "entity": found if type(instance["object"]) is list else found[0]}


def _simplified_with_linked(
    written: Any, instances: list[Instance], linked: Mapping[str, dict[str, Any]]
) -> Any:
    if len(instances) == 1:
        return _exchanged(written, linked)
    values = zip(written["dataset"].items(), instances, strict=True)
    return {
        "dataset": {
            dataset_id: _exchanged(value, linked) if targets_of(instance) else value
            for (dataset_id, value), instance in values
        }
    }


def _exchanged(value: Any, linked: Mapping[str, dict[str, Any]]) -> Any:
    if type(value) is list:
        return [linked.get(target, target) for target in value]
    return linked.get(value, value)
