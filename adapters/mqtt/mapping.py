"""Measures to entities: pure, by the profile of the device.

One measure gives the entity of its device and, where mappings say so, parts of other entities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.mqtt import times
from adapters.mqtt.attribute_mapping import Entity, add_instances, map_values
from adapters.mqtt.codecs import CODECS
from adapters.mqtt.measure import TIME_INSTANT, Measure, Unusable
from adapters.mqtt.payloads import Ready, unwrap
from adapters.mqtt.profile import Profile
from adapters.mqtt.sensors import by_sensor
from adapters.mqtt.values import Attribute

_IDENTITY = frozenset({"id", "type"})
_RENAMED = {"id": "measure_id", "type": "measure_type"}
_CLOCK_SET = "2001-01-01"
"""Clocks of devices that were never set are before this day."""


@dataclass(frozen=True, slots=True)
class Translation:
    """Entities to write, in normalized form, the device's own (`own_id`) first if it got values.

    `key` is that of the measure. `static` are the attributes of fixed value of the device's own
    entity, which need not be written with every measure. `faults` name the values that could not
    be used. `unused` are all values of the measure where nothing came of any of them.
    """

    observed_at: str
    key: str | None
    own_id: str
    entities: list[Entity]
    static: dict[str, Attribute] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unused: Mapping[str, Any] = field(default_factory=dict)


def translate(measures: Iterable[Measure], profile: Profile, received_at: str) -> list[Translation]:
    """Translate the measures of one message, in the order of their times.

    Raises `Unusable` when a measure as a whole cannot be read.
    """
    found = [_translate_all_sensors(measure, profile, received_at) for measure in measures]
    if len(found) > 1:
        found.sort(key=lambda one: one.observed_at.rstrip("Z"))
    return found


def _translate_all_sensors(measure: Measure, profile: Profile, received_at: str) -> Translation:
    if profile.sensors is None:
        return _translate(measure, profile, received_at)
    parts = by_sensor(measure, profile.sensors)
    found = [_translate(part, profile, received_at) for part in parts]
    return found[0] if len(found) == 1 else _joined(found)


def _joined(parts: list[Translation]) -> Translation:
    """Return the translations of the sensors of one device as one."""
    entities: dict[str, Entity] = {}
    for part in parts:
        for one in part.entities:
            known = entities.setdefault(one["id"], {"id": one["id"], "type": one["type"]})
            for name, made in one.items():
                if name not in _IDENTITY:
                    add_instances(known, name, made)
    first = next((part for part in parts if part.own_id), parts[0])
    return replace(
        first,
        entities=list(entities.values()),
        faults=[fault for part in parts for fault in part.faults],
        unused={} if entities else {k: v for part in parts for k, v in part.unused.items()},
    )


def _translate(measure: Measure, profile: Profile, received_at: str) -> Translation:
    values, ready, faults = _values(measure, profile)
    stated = values.pop(TIME_INSTANT, None)
    mapped = map_values(values, ready, profile, port=measure.port)
    faults += mapped.faults
    at = times.from_iso(mapped.time_instant, profile.zone) or _stated(measure, profile)
    at = at or times.from_iso(stated, profile.zone) or received_at
    for entity in mapped.entities:
        own = times.from_iso(mapped.times.get(entity["id"]), profile.zone)
        _finish(entity, own or at, measure)
    is_lost = not (mapped.entities or faults or mapped.is_skipping)
    unused = (values or _only_time(stated)) if is_lost else {}
    return Translation(
        at, measure.key, mapped.own_id, mapped.entities, mapped.static, faults, unused
    )


def _only_time(stated: Any) -> dict[str, Any]:
    return {} if stated is None else {TIME_INSTANT: stated}


def _stated(measure: Measure, profile: Profile) -> str | None:
    """The time the measure states; None also from a device whose clock is not set yet.

    Such a clock counts from 1970, 1980 (GPS) or 2000 on. Taken at its word the measure would be
    older than what the broker holds, and lost.
    """
    if measure.local_time is None:
        return measure.observed_at
    at = times.from_any(measure.local_time, profile.zone)
    at = at or times.from_any(measure.local_time)  # 1970-01-01T00:00 of Tokyo is before the epoch
    if at is None:
        raise Unusable(f"the time of the measure is {measure.local_time!r:.60}, which is no time")
    return at if at >= _CLOCK_SET else None


def _values(measure: Measure, profile: Profile) -> tuple[dict[str, Any], Ready, list[str]]:
    """Return the values by name, decoding the frame where no server did, and what is wrong."""
    values: Mapping[str, Any] = measure.values
    if measure.frame is not None:
        values = _decoded(measure.frame, profile)
    plain, ready, faults = dict(values), Ready(), list[str]()
    if profile.payload_type in ("ngsild", "ngsiv2"):
        plain, ready, faults = unwrap(profile.payload_type, values)
    for reserved, renamed in _RENAMED.items():
        if reserved in plain:
            plain[renamed] = plain.pop(reserved)
    return plain, ready, faults


def _decoded(frame: bytes, profile: Profile) -> dict[str, Any]:
    codec = CODECS.get(profile.codec or "")
    if codec is None:
        said = f"there is no codec {profile.codec!r}" if profile.codec else "it names no codec"
        raise Unusable(
            f"the frame of {profile.device_id} is not decoded, and {said}; decode it in the "
            f'LoRaWAN server or provision internal_attributes {{"codec": …}} ({", ".join(CODECS)})'
        )
    return codec(frame)


def _finish(entity: Entity, observed_at: str, measure: Measure) -> None:
    """Give every attribute its time and sensor, and what describes the measurement."""
    signal = {
        name: {"type": "Property", "value": value} for name, value in measure.annotations.items()
    }
    for name, instances in entity.items():
        if name in _IDENTITY:
            continue
        for one in instances if isinstance(instances, list) else (instances,):
            if one.get("observedAt") is None:
                one["observedAt"] = observed_at
            if measure.dataset_id is not None:
                one.setdefault("datasetId", measure.dataset_id)
            if signal:
                one.update({member: value for member, value in signal.items() if member not in one})
