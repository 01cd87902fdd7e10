"""The elements of `data` that tell a subscription of one entity (clause 5.8.6), as JSON."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

import orjson

from broker.model.entity import NULL, Entity
from broker.representations.conformance import after_conforming, conforming_to
from broker.representations.geojson import as_feature, geometry_of
from broker.representations.linked import Links, Loaded, write_flat, write_inline
from broker.representations.writing import write_entity
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.matching import Occurrence
from broker.subscriptions.notification import GEO_JSON, JSON, profile_of_text
from broker.subscriptions.notified_state import is_bare_deletion, notified_entity

_NOTHING_LOADED: Loaded = {}


def change_elements(
    compiled: CompiledSubscription, occurrence: Occurrence, loaded: Loaded = _NOTHING_LOADED
) -> bytes:
    """Return the JSON of what a subscription is told of a change, elements separated by commas.

    `loaded` are the linked entities, where the subscription wants them.
    """
    entity = notified_entity(compiled, occurrence)
    bodies = _bodies(compiled, [entity], loaded)
    if occurrence.is_deletion:
        bodies[0]["deletedAt"] = occurrence.change.at
    _shorten_deletions(compiled, entity, bodies[0])
    return _elements(compiled, [entity], bodies)


def entity_elements(
    compiled: CompiledSubscription, entities: list[Entity], loaded: Loaded = _NOTHING_LOADED
) -> bytes:
    """Return the JSON of entities a periodic notification tells of."""
    return _elements(compiled, entities, _bodies(compiled, entities, loaded))


def links_of(compiled: CompiledSubscription) -> Links | None:
    """Return how far the notifications follow relationships, None: not at all."""
    params = compiled.subscription.notification
    return None if params.join is None else Links(params.join_level)


def _bodies(
    compiled: CompiledSubscription, entities: list[Entity], loaded: Loaded
) -> list[dict[str, Any]]:
    terms, options, version = compiled.context.terms, compiled.options, compiled.version
    if version is not None:
        entities = [conforming_to(entity, version, options) for entity in entities]
        loaded = {key: one and conforming_to(one, version, options) for key, one in loaded.items()}
        options = after_conforming(options)
    links = links_of(compiled)
    if links is None:
        return [write_entity(entity, terms, options) for entity in entities]
    if compiled.subscription.notification.join == "flat":
        return write_flat(entities, terms, options, links, loaded)
    return [write_inline(entity, terms, options, links, loaded) for entity in entities]


def _shorten_deletions(
    compiled: CompiledSubscription, entity: Entity, body: dict[str, Any]
) -> None:
    """Write the bare null where nothing else is to be told of a deleted attribute."""
    if compiled.options.form == "normalized":
        return
    compact = compiled.context.terms.compact
    for name, instances in entity.attributes.items():
        if is_bare_deletion(instances) and (key := compact(name)) in body:
            body[key] = NULL


def _elements(
    compiled: CompiledSubscription, entities: list[Entity], bodies: list[dict[str, Any]]
) -> bytes:
    profile = profile_of_text(compiled.profile)
    if profile.media_type == GEO_JSON:
        geometries = [_geometry(compiled, entity) for entity in entities]
        bodies = [*map(as_feature, bodies, chain(geometries, repeat(None)))]
    elif profile.media_type != JSON:
        bodies = [{**body, "@context": profile.context_body} for body in bodies]
    return b",".join(map(orjson.dumps, bodies))


def _geometry(compiled: CompiledSubscription, entity: Entity) -> dict[str, Any] | None:
    geometry = geometry_of(entity, compiled.options)
    return geometry if isinstance(geometry, dict) else None
