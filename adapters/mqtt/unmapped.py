"""Measures of which nothing is stored, because no attribute of their device takes their values.

That is right for some messages of a device and a forgotten mapping for others; so each is counted,
and the first of a device on a topic is told, unless values of that topic are stored as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adapters.mqtt.measure import TIME_INSTANT
from adapters.mqtt.observations import Observation

_NAMES_SHOWN: Final = 8
_DEPTH: Final = 3
_SOURCES_KNOWN: Final = 100_000


class UnmappedMeasures:
    """Knows from which topics of which devices something was stored, or was told not to be."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str, str]] = set()

    def seen(self, topic: str, observation: Observation) -> str:
        """Note a measure; the answer is what to tell about it, empty when there is nothing.

        The memory is bounded: when it is full, it begins anew, and tells again.
        """
        profile, unused = observation.profile, observation.translation.unused
        source = (topic, profile.service, profile.device_id)
        if source in self._known:
            return ""
        if len(self._known) >= _SOURCES_KNOWN:
            self._known.clear()
        self._known.add(source)
        return nothing_stored(observation) if unused else ""


def nothing_stored(observation: Observation) -> str:
    """Say that nothing of a measure is stored, and what would be."""
    unused = observation.translation.unused
    if unused.keys() == {TIME_INSTANT}:
        return "nothing of this message is stored: it holds a time and no value"
    names = list(_names(unused))
    if all(_is_null(value) for value in unused.values()):
        return f"nothing of this message is stored: null is no value ({', '.join(names)})"
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    return (
        f"nothing of this message is stored: no attribute of {observation.profile.device_id} takes "
        f"{shown}; map what is wanted in 'attributes' (object_id), or let its group have "
        '"explicitAttrs": false'
    )


def _is_null(value: Any) -> bool:
    if isinstance(value, Mapping) and value:
        return all(_is_null(item) for item in value.values())
    return value is None


def _names(values: Mapping[str, Any], depth: int = _DEPTH) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value and depth > 1:
            yield from (f"{name}.{inner}" for inner in _names(value, depth - 1))
        else:
            yield name
