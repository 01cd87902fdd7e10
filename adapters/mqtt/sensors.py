"""Several sensors on one device: what each measures is told apart by `datasetId` (clause 4.5.5).

Devices with one sensor of a kind name it by the kind (`DS18B20`, `switch:0`), those with several by
kind and number (`DS18B20-1`, `switch:1`). The former is the default instance of its attributes;
each of the others is a measure of its own, as if its device had no other sensor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote

from adapters.mqtt.measure import Measure

DATASET = "urn:ngsi-ld:Dataset:"
_UNIT = "Unit"
_ADDRESSES = ("Id", "Address")

Values: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sensors:
    """The names sensors have where they are the only one of their kind, the best sensor first.

    `within` is the member of the payload that holds them; empty: the payload itself does. Kinds
    without a number that measure the same compete: the better one is the default instance. A name
    with a number (`switch:0`) is the first of the channels of its kind, which compete with none.
    """

    names: tuple[str, ...]
    within: str = ""


def by_sensor(measure: Measure, sensors: Sensors) -> list[Measure]:
    """Return a measure for the default instances, and one for each further sensor."""
    values = measure.values
    body = values.get(sensors.within) if sensors.within else values
    if not isinstance(body, Mapping):
        return [measure]
    found = _Sorting(body)
    for name in sensors.names:
        found.sort(name)
    if not found.others:
        return [measure]
    units = {name: one for name, one in values.items() if name.endswith(_UNIT)}

    def measured(content: Values) -> Values:
        return {**units, **({sensors.within: content} if sensors.within else content)}

    default = replace(measure, values={**values, **measured(found.default)})
    if not sensors.within:
        default = replace(measure, values=found.default)
    return [
        default,
        *(
            replace(measure, values=measured(content), dataset_id=DATASET + quote(dataset, ":"))
            for dataset, content in found.others
        ),
    ]


class _Sorting:
    """The sensors of one payload, sorted into default instances and others."""

    def __init__(self, body: Values) -> None:
        self._body = body
        self._taken: set[str] = set()
        self.default: dict[str, Any] = dict(body)
        self.others: list[tuple[str, Values]] = []

    def sort(self, name: str) -> None:
        kind, _, number = name.partition(":")
        only = self._body.get(name)
        if isinstance(only, Mapping):
            self._spread(name, only)
            if not number:
                self._compete(name)
        for key, content, index in self._numbered(kind):
            if key == name:
                continue
            del self.default[key]
            address = next((content[one] for one in _ADDRESSES if content.get(one)), index)
            self.others.append((f"{kind.removesuffix('data')}:{address}", {name: content}))

    def _numbered(self, kind: str) -> Iterator[tuple[str, Values, str]]:
        for key, content in self._body.items():
            found = _numbered(kind).fullmatch(key)
            if found is not None and isinstance(content, Mapping):
                yield key, content, found[1]

    def _spread(self, name: str, content: Values) -> None:
        """Take lists (one value for each phase or channel) apart."""
        lists = {one: value for one, value in content.items() if _is_list_of_readings(value)}
        if not lists:
            return
        self.default[name] = {one: content[one] for one in content if one not in lists}
        for index in range(max(map(len, lists.values()))):
            channel = {one: value[index] for one, value in lists.items() if index < len(value)}
            self.others.append((f"{name}:{index + 1}", {name: channel}))

    def _compete(self, name: str) -> None:
        """Leave to a better sensor what it measures as well; a missing reading is one, too."""
        content: Values = self.default[name]
        measured = {one for one, value in content.items() if _is_reading(value)}
        double = measured & self._taken
        self._taken |= measured
        if not double:
            return
        self.default[name] = {one: content[one] for one in content if one not in double}
        self.others.append((name, {name: {one: content[one] for one in double}}))


@lru_cache
def _numbered(kind: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(kind)}[-_:](\w[\w.-]*)")


def _is_reading(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_list_of_readings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_reading, value))
