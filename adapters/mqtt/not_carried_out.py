"""Members of groups and devices that are kept and shown, but that nothing here acts on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_CARRIED_OUT: Mapping[str, str] = {
    "commands": "no command is ever sent to a device, and changing the attribute does nothing",
    "cmdMode": "no command is ever sent to a device",
    "endpoint": "nothing is ever sent to a device",
    "lazy": "no value is asked of a device on demand; let it send measures",
    "cbHost": "measures go to the broker this adapter is configured for",
    "trust": "requests carry the token this adapter is configured with",
    "defaultEntityNameConjunction": "entities are urn:ngsi-ld:{type}:{device} or as entity_name "
    "or entityNameExp say",
    "storeLastMeasure": "the entity in the broker holds the last values",
    "useCBflowControl": "the adapter waits for the broker in its own way",
}
NOT_CARRIED_OUT_VALUES: Mapping[str, tuple[frozenset[str], str]] = {
    "ngsiVersion": (frozenset({"v2"}), "entities are always written as NGSI-LD"),
    "transport": (frozenset({"amqp"}), "measures come over MQTT or HTTP"),
    "timestamp": (frozenset({"false"}), "the time a measure states is always kept as observedAt"),
}
"""Members of which only some values have no effect."""


def warnings_about(document: Any, place: str) -> list[str]:
    """Say which members of a group or device have no effect, one sentence each."""
    if not isinstance(document, Mapping):
        return []
    ignored = [(one, meaning) for one, meaning in NOT_CARRIED_OUT.items() if document.get(one)]
    ignored += [
        (f"{one}: {document[one]}", meaning)
        for one, (values, meaning) in NOT_CARRIED_OUT_VALUES.items()
        if str(document.get(one)).lower() in values
    ]
    return [
        f"{place}.{member} is kept but not carried out: {meaning}" for member, meaning in ignored
    ]


def warnings_about_all(documents: Any, place: str) -> list[str]:
    """Say the same of a list of groups or devices."""
    items = documents if isinstance(documents, list) else []
    return [
        warning
        for index, document in enumerate(items)
        for warning in warnings_about(document, f"{place}[{index}]")
    ]
