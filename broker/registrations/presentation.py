"""Registrations as clients read them: names compacted, defaults written out (clause 5.2.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.model.registration import Registration
from broker.model.terms import Terms
from broker.registrations.reading import TYPE


def present_registration(
    registration: Registration, terms: Terms, *, sys_attrs: bool = False
) -> dict[str, Any]:
    """Return a registration as JSON, without an @context."""
    definition = registration.definition
    body: dict[str, Any] = {"id": registration.id, "type": TYPE}
    for name, value in definition.items():
        body[terms.compact(name) if ":" in name else name] = value
    body["information"] = [_information(info, terms) for info in definition["information"]]
    body["mode"] = registration.mode
    body["operations"] = [*registration.operations]
    if sys_attrs:
        body["createdAt"] = registration.created_at
        body["modifiedAt"] = registration.modified_at
    return body


def _information(info: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    presented = {
        name: [terms.compact(iri) for iri in info[name]]
        for name in ("propertyNames", "relationshipNames")
        if name in info
    }
    if "entities" not in info:
        return presented
    entities = [{**one, "type": _types(one["type"], terms)} for one in info["entities"]]
    return {"entities": entities, **presented}


def _types(types: str | list[str], terms: Terms) -> str | list[str]:
    if isinstance(types, str):
        return terms.compact(types)
    return [terms.compact(name) for name in types]
