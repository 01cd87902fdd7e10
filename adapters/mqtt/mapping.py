"""Measures to entities: pure, by the profile of the device.

One measure gives the entity of its device and, where mappings say so, parts of other entities.
Rules are those of the IoT Agents; where one value is not what its type says, the others are still
written and the fault is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.mqtt import times
from adapters.mqtt.codecs import CODECS
from adapters.mqtt.expressions import Expression
from adapters.mqtt.ids import entity_uri
from adapters.mqtt.links import linked
from adapters.mqtt.measure import TIME_INSTANT, Measure, Unusable, member_at
from adapters.mqtt.names import attribute_name, name_beside
from adapters.mqtt.nulls import has_gap, without_null
from adapters.mqtt.payloads import Ready, unwrap
from adapters.mqtt.profile import AttributeMapping, Metadata, Profile
from adapters.mqtt.sensors import by_sensor
from adapters.mqtt.values import GEOMETRIES, Attribute, Unfit, attribute, geometry
from broker.model.attributes import GEO_ATTRIBUTES

IDENTITY = frozenset({"id", "type"})
RENAMED = {"id": "measure_id", "type": "measure_type"}

Entity = dict[str, Any]


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


@dataclass(frozen=True, slots=True)
class _Selection:
    """What explicitAttrs lets through: `None` is everything, `provisioned_only` drops the rest."""

    names: frozenset[str] | None = None
    object_ids: frozenset[str] = frozenset()
    provisioned_only: bool = False

    def takes(self, name: str, object_id: str | None = None) -> bool:
        """Say whether an attribute of the configuration is written."""
        return self.names is None or name in self.names or object_id in self.object_ids


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
                if name not in IDENTITY:
                    _add_instances(known, name, made)
    first = next((part for part in parts if part.own_id), parts[0])
    return replace(
        first,
        entities=list(entities.values()),
        faults=[fault for part in parts for fault in part.faults],
        unused={} if entities else {k: v for part in parts for k, v in part.unused.items()},
    )


def _add_instances(entity: dict[str, Any], name: str, made: Any) -> None:
    """Add an attribute; it takes the place of one that has the same datasetId only."""
    new = made if isinstance(made, list) else [made]
    before = entity.get(name, [])
    replaced = {one.get("datasetId") for one in new}
    kept = [
        one
        for one in (before if isinstance(before, list) else [before])
        if one.get("datasetId") not in replaced
    ]
    entity[name] = [*kept, *new] if kept else made


def _translate(measure: Measure, profile: Profile, received_at: str) -> Translation:
    values, ready, faults = _values(measure, profile)
    stated = values.pop(TIME_INSTANT, None)
    work = _Work(measure, profile, values, ready)
    work.faults += faults
    work.run()
    at = times.from_iso(work.time_instant, profile.zone) or _stated(measure, profile)
    at = at or times.from_iso(stated, profile.zone) or received_at
    own_id, entities = work.entities()
    for entity in entities:
        own = times.from_iso(work.times.get(entity["id"]), profile.zone)
        _finish(entity, own or at, measure)
    is_lost = not (entities or work.faults or work.is_skipping)
    unused = (values or _only_time(stated)) if is_lost else {}
    return Translation(at, measure.key, own_id, entities, work.static, work.faults, unused)


def _only_time(stated: Any) -> dict[str, Any]:
    return {} if stated is None else {TIME_INSTANT: stated}


def _stated(measure: Measure, profile: Profile) -> str | None:
    if measure.local_time is None:
        return measure.observed_at
    at = times.from_any(measure.local_time, profile.zone)
    if at is None:
        raise Unusable(f"the time of the measure is {measure.local_time!r:.60}, which is no time")
    return at


def _values(measure: Measure, profile: Profile) -> tuple[dict[str, Any], Ready, list[str]]:
    """Return the values by name, decoding the frame where no server did, and what is wrong."""
    values: Mapping[str, Any] = measure.values
    if measure.frame is not None:
        values = _decoded(measure.frame, profile)
    plain, ready, faults = dict(values), Ready(), list[str]()
    if profile.payload_type in ("ngsild", "ngsiv2"):
        plain, ready, faults = unwrap(profile.payload_type, values)
    for reserved, renamed in RENAMED.items():
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


class _Work:
    """The translation of one measure; lives as long as one call."""

    def __init__(
        self, measure: Measure, profile: Profile, values: dict[str, Any], ready: Ready
    ) -> None:
        self._profile = profile
        self._values = values
        self._ready = ready
        self._port = measure.port
        self._others: dict[str, Entity] = {}
        self._own: dict[str, Any] = {}
        self._context: dict[str, Any] | None = None
        self.is_skipping = False
        self.time_instant: Any = None
        self.times: dict[str, Any] = {}
        self.static: dict[str, Attribute] = {}
        self.faults: list[str] = []

    def run(self) -> None:
        selection = self._selection()
        for mapping in self._profile.attributes:
            if selection.takes(mapping.name, mapping.object_id):
                self._map(mapping)
        if not selection.provisioned_only:
            self._take_the_rest()
        for constant in self._profile.static_attributes:
            if selection.takes(constant.name):
                self._put(
                    self.static, constant.name, constant.type, constant.value, constant.metadata
                )

    def entities(self) -> tuple[str, list[Entity]]:
        """Return the id of the device's own entity (empty if it got no value), and all entities."""
        if not self._own:
            return "", list(self._others.values())
        own_id = self._own_id()
        for constant in self._profile.static_attributes:
            if constant.link is not None and constant.name in self.static:
                for part in linked(own_id, self._own, constant.link, self.static[constant.name]):
                    self._others[part["id"]] = {**self._others.get(part["id"], {}), **part}
        return own_id, [
            {"id": own_id, "type": self._profile.entity_type, **self._own},
            *self._others.values(),
        ]

    def _own_id(self) -> str:
        profile = self._profile
        name = _text(self._evaluate(profile.entity_name_expression)) or profile.entity_name
        return entity_uri(name or profile.device_id, profile.entity_type)

    def _evaluate(self, expression: Expression | None) -> Any:
        return None if expression is None else expression.evaluate(self._expression_context())

    def _expression_context(self) -> dict[str, Any]:
        """Return what expressions see; made only when there is one."""
        if self._context is None:
            profile = self._profile
            static = profile.static_values()
            self._context = {
                **static,
                "staticAttributes": static,
                "service": profile.service,
                "subservice": profile.subservice,
                "entity_name": profile.entity_name,
                "metadata": profile.metadata_values(),
                **self._values,
                "id": profile.device_id,
                "type": profile.entity_type,
                "fPort": self._port,
            }
            for mapping in profile.attributes:
                if mapping.object_id and mapping.expression is None:
                    self._context.setdefault(mapping.name, self._raw(mapping))
        return self._context

    def _selection(self) -> _Selection:
        explicit: Any = self._profile.explicit
        if isinstance(explicit, Expression):
            explicit = self._evaluate(explicit)
        if isinstance(explicit, list):
            names = frozenset(one for one in explicit if isinstance(one, str))
            ids = (one.get("object_id") for one in explicit if isinstance(one, dict))
            return _Selection(names, frozenset(str(one) for one in ids), provisioned_only=True)
        return _Selection(provisioned_only=bool(explicit))

    def _raw(self, mapping: AttributeMapping) -> Any:
        """Return what the payload holds for a mapping: by object_id (also a path), then by name."""
        source = mapping.object_id or mapping.name
        if source in self._values:
            return self._values[source]
        if "." in source:
            return member_at(self._values, source)
        return self._values.get(mapping.name)

    def _map(self, mapping: AttributeMapping) -> None:
        raw = self._raw(mapping)
        value = raw
        if mapping.expression is not None:
            context = self._expression_context()
            value = mapping.expression.evaluate(context)
            is_open = value is None or has_gap(value)
            if is_open and not mapping.expression.is_covered_by(context):
                value = raw
            elif value == mapping.skip_value:
                self.is_skipping = self.is_skipping or raw is not None or value is not None
                return
            if value is not None:
                context[mapping.name] = value
        if value is None:
            return
        if mapping.name == TIME_INSTANT:
            self._take_time(mapping, value)
            return
        source = mapping.object_id or mapping.name
        if mapping.type is None and mapping.expression is None and source in self._ready:
            _add_instances(self._target(mapping), mapping.name, self._ready[source])
            return
        self._put(self._target(mapping), mapping.name, mapping.type, value, mapping.metadata)

    def _take_time(self, mapping: AttributeMapping, value: Any) -> None:
        """Note the time of the measure, or that of the entity the mapping names."""
        if mapping.entity_name is None:
            self.time_instant = value
        else:
            self.times[self._address(mapping.entity_name, mapping)[0]] = value

    def _target(self, mapping: AttributeMapping) -> dict[str, Any]:
        if mapping.entity_name is None:
            return self._own
        uri, kind = self._address(mapping.entity_name, mapping)
        return self._others.setdefault(uri, {"id": uri, "type": kind})

    def _address(self, entity_name: str, mapping: AttributeMapping) -> tuple[str, str]:
        """Return id and type of the other entity a mapping writes to."""
        kind = mapping.entity_type or self._profile.entity_type
        name = _text(self._evaluate(mapping.entity_name_expression)) or entity_name
        return entity_uri(name, kind), kind

    def _take_the_rest(self) -> None:
        mapped = self._profile.mapped_members
        for member, value in self._values.items():
            if member in mapped or value is None:
                continue
            name = attribute_name(member)
            if name in self._own:
                continue
            if member in self._ready:
                self._own[name] = self._ready[member]
            elif name in GEO_ATTRIBUTES and not _is_geometry(value):
                self._put(self._own, name_beside(name), None, value, ())
            else:
                self._put(self._own, name, None, value, ())

    def _put(
        self,
        target: dict[str, Any],
        name: str,
        kind: str | None,
        value: Any,
        metadata: tuple[Metadata, ...],
    ) -> None:
        try:
            if (kind or "").lower() != "jsonproperty":
                value = without_null(value)
            if value is None:
                return
            made = attribute(_kind_of(name, kind), value, self._profile.zone)
            for item in metadata:
                self._annotate(made, item)
        except Unfit as error:
            self.faults.append(f"{name} {error}")
            return
        _add_instances(target, name, made)

    def _annotate(self, made: Attribute, item: Metadata) -> None:
        value = item.value
        if item.expression is not None:
            value = self._evaluate(item.expression)
        if value is None:
            return
        if item.name in ("unitCode", "datasetId"):
            made[item.name] = str(value)
        elif item.name in ("observedAt", TIME_INSTANT):
            made["observedAt"] = times.from_any(value, self._profile.zone)
        else:
            made[item.name] = attribute(item.type, value, self._profile.zone)


def _kind_of(name: str, kind: str | None) -> str | None:
    """Return the type of an attribute; the standard fixes that of some (clause 4.7.1)."""
    if name not in GEO_ATTRIBUTES or (kind or "").lower().startswith("geo"):
        return kind
    return kind if kind in GEOMETRIES else "GeoProperty"


def _is_geometry(value: Any) -> bool:
    try:
        geometry(None, value)
    except Unfit:
        return False
    return True


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _finish(entity: Entity, observed_at: str, measure: Measure) -> None:
    """Give every attribute its time and sensor, and what describes the measurement."""
    signal = {
        name: {"type": "Property", "value": value} for name, value in measure.annotations.items()
    }
    for name, instances in entity.items():
        if name in IDENTITY:
            continue
        for one in instances if isinstance(instances, list) else (instances,):
            if one.get("observedAt") is None:
                one["observedAt"] = observed_at
            if measure.dataset_id is not None:
                one.setdefault("datasetId", measure.dataset_id)
            if signal:
                one.update({member: value for member, value in signal.items() if member not in one})
