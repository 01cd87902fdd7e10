"""Members of groups and devices that are kept and shown, but that nothing here acts on. Pure.

They are those of the IoT Agents that are not carried out, and those nobody knows: misspelt ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
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


KNOWN = frozenset(
    {
        *NOT_CARRIED_OUT,
        *NOT_CARRIED_OUT_VALUES,
        *("resource", "apikey", "device_id", "service", "subservice", "service_path", "protocol"),
        *("entity_type", "type", "entity_name", "entityNameExp", "timezone", "autoprovision"),
        *("attributes", "static_attributes", "internal_attributes", "explicitAttrs"),
        *("payloadType", "lastMeasure", "description"),
    }
)
KNOWN_OF_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "attributes": frozenset(
        {
            *("object_id", "name", "type", "expression", "skipValue", "metadata"),
            *("entity_name", "entity_type", "description"),
        }
    ),
    "static_attributes": frozenset(
        ("name", "type", "value", "metadata", "link", "object_id", "description")
    ),
}
IGNORED_NAMES = ("id", "type")


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
        *(
            f"{place}.{member} is kept but not carried out: {meaning}"
            for member, meaning in ignored
        ),
        *_about_unknown(document, KNOWN, place),
        *(
            warning
            for member in KNOWN_OF_ATTRIBUTES
            for warning in _about_attributes(document.get(member), member, place)
        ),
    ]


def _about_unknown(document: Mapping[str, Any], known: frozenset[str], place: str) -> Iterator[str]:
    for member in document:
        if member not in known and not str(member).startswith("_"):
            close = get_close_matches(str(member), known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{place}.{member} has no effect: nothing here has this name{hint}"


def _about_attributes(items: Any, member: str, place: str) -> Iterator[str]:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        here = f"{place}.{member}[{index}]"
        if isinstance(item, Mapping):
            yield from _about_unknown(item, KNOWN_OF_ATTRIBUTES[member], here)
            if item.get("name") in IGNORED_NAMES:
                yield f"{here} has no effect: no attribute can be called {item['name']}"


def warnings_about_all(documents: Any, place: str) -> list[str]:
    """Say the same of a list of groups or devices."""
    items = documents if isinstance(documents, list) else []
    return [
        warning
        for index, document in enumerate(items)
        for warning in warnings_about(document, f"{place}[{index}]")
    ]
