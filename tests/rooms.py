"""A room in the tests of the operations on one entity: its names, times, and what it says."""

from typing import Any

from broker.model.entity import Entity

T0 = "2026-01-01T00:00:00.000000Z"
T1 = "2026-01-01T00:00:01.000000Z"
ID = "urn:ngsi-ld:Room:1"
V = "https://uri.etsi.org/ngsi-ld/default-context/"
NULL = "urn:ngsi-ld:null"
TEMPERATURE = {
    "type": "Property",
    "value": 25,
    "unitCode": "CEL",
    "observedAt": "2022-03-14T01:59:26.535Z",
}


def said(entity: Entity | None) -> dict[str, Any]:
    """Return the attributes of an entity under their short names, without their times."""
    assert entity is not None
    return {name.removeprefix(V): _said(found) for name, found in entity.attributes.items()}


def _said(instances: list[dict[str, Any]]) -> Any:
    shown = [
        {
            member.removeprefix(V): _said(value) if ":" in member else value
            for member, value in instance.items()
            if member not in {"createdAt", "modifiedAt"}
        }
        for instance in instances
    ]
    return shown[0] if len(shown) == 1 else shown
