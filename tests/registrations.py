"""Registrations for tests, made by the code that makes them in the broker."""

from __future__ import annotations

from typing import Any

from broker.contexts.context import core_context
from broker.model.registration import Registration
from broker.registrations.reading import read_registration

CORE = core_context()
NOW = "2026-11-22T06:00:00.000000Z"
ID = "urn:ngsi-ld:ContextSourceRegistration:1"


def name(term: str) -> str:
    """Return the expanded name of a term of the default vocabulary."""
    return CORE.expand(term)


def body(**members: Any) -> dict[str, Any]:
    """Return a registration as a client writes it; None takes a member out."""
    given = {
        "id": ID,
        "type": "ContextSourceRegistration",
        "endpoint": "http://source.example:1026",
        "information": [{"entities": [{"type": "Sensor"}]}],
    }
    return {key: value for key, value in (given | members).items() if value is not None}


def info(*entities: dict[str, Any] | str, properties: str = "", links: str = "") -> dict[str, Any]:
    """Return a RegistrationInfo; an entity that is a text is a type."""
    given = [{"type": one} if isinstance(one, str) else one for one in entities]
    made: dict[str, Any] = {"entities": given} if given else {}
    for member, names in (("propertyNames", properties), ("relationshipNames", links)):
        if names:
            made[member] = names.split()
    return made


def registration(*information: dict[str, Any], **members: Any) -> Registration:
    """Return a registration, of all sensors where nothing else is said."""
    if information:
        members["information"] = list(information)
    definition = read_registration(body(**members), CORE, now=NOW)
    return Registration(definition.pop("id"), "", definition, created_at=NOW, modified_at=NOW)
