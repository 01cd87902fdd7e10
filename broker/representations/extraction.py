"""What of entities a query returns, as entities: for those who keep them (clause 5.16.1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from broker.model.attributes import LANGUAGE_PROPERTY
from broker.model.entity import Entity
from broker.representations.languages import in_language
from broker.representations.linked import Links, Loaded, linked_options, targets_of
from broker.representations.options import RepresentationOptions


def extracted(entity: Entity, options: RepresentationOptions) -> Entity:
    """Return an entity with what the options show of it; id and type are always kept."""
    attributes = options.select(entity.attributes)
    if options.languages is not None:
        languages = options.languages
        attributes = {
            name: [
                in_language(instance, languages)
                if instance["type"] == LANGUAGE_PROPERTY
                else instance
                for instance in instances
            ]
            for name, instances in attributes.items()
        }
    scopes = entity.scopes if options.shows("scope") else ()
    return entity.evolve(attributes=attributes, scopes=scopes)


def extracted_links(
    entities: Sequence[Entity], options: RepresentationOptions, links: Links, loaded: Loaded
) -> Iterator[Entity]:
    """Yield what is shown of the entities that some entities link to, level by level."""
    seen = {entity.id for entity in entities} | links.contained_by
    level = [(entity, options) for entity in entities]
    for _ in range(links.levels):
        reached: list[tuple[Entity, RepresentationOptions]] = []
        for entity, asked in level:
            for name, instances in asked.select(entity.attributes).items():
                targets = {target for instance in instances for target in targets_of(instance)}
                for target in sorted(targets - seen):
                    found = loaded.get(target)
                    if found is not None:
                        seen.add(target)
                        reached.append((found, linked_options(asked, name)))
        yield from (extracted(entity, asked) for entity, asked in reached)
        level = reached
