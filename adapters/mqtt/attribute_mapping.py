"""The values of one measure to attributes of entities, as the profile of the device says. Pure.

Rules are those of the IoT Agents; where one value is not what its type says, the others are still
written and the fault is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.mqtt import times
from adapters.mqtt.expressions import Expression
from adapters.mqtt.ids import entity_uri
from adapters.mqtt.links import linked
from adapters.mqtt.measure import TIME_INSTANT, member_at
from adapters.mqtt.names import attribute_name, name_beside
from adapters.mqtt.nulls import has_gap, without_null
from adapters.mqtt.payloads import Ready
from adapters.mqtt.profile import AttributeMapping, Metadata, Profile
from adapters.mqtt.values import GEOMETRIES, Attribute, Unfit, attribute, geometry
from broker.model.attributes import GEO_ATTRIBUTES
from broker.model.sameness import is_same

Entity: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the values of one measure became.

    `entities` are in normalized form but for the time of observation, the device's own (`own_id`)
    first if it got values; `static` are its attributes of fixed value. `time_instant` is the time
    a mapping gives the measure, `times` those it gives other entities, by id, all as they are
    stated. `is_skipping` says that an attribute is left out because its expression says so.
    """

    own_id: str
    entities: list[Entity]
    static: dict[str, Attribute]
    faults: list[str]
    time_instant: Any
    times: dict[str, Any]
    is_skipping: bool


def map_values(values: dict[str, Any], ready: Ready, profile: Profile, *, port: int) -> Mapped:
    """Return what values become; `ready` are those that came as attributes, by the same names."""
    mapping = _Mapping(values, ready, profile, port)
    mapping.run()
    own_id, entities = mapping.entities()
    return Mapped(
        own_id,
        entities,
        mapping.static,
        mapping.faults,
        mapping.time_instant,
        mapping.times,
        mapping.is_skipping,
    )


@dataclass(frozen=True, slots=True)
class _Selection:
    """What explicitAttrs lets through: `None` is everything, `provisioned_only` drops the rest."""

    names: frozenset[str] | None = None
    object_ids: frozenset[str] = frozenset()
    provisioned_only: bool = False

    def takes(self, name: str, object_id: str | None = None) -> bool:
        """Say whether an attribute of the configuration is written."""
        return self.names is None or name in self.names or object_id in self.object_ids


class _Mapping:
    """The mapping of one measure; lives as long as one call."""

    def __init__(self, values: dict[str, Any], ready: Ready, profile: Profile, port: int) -> None:
        self._profile = profile
        self._values = values
        self._ready = ready
        self._port = port
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
            elif is_same(value, mapping.skip_value):
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
            add_instances(self._target(mapping), mapping.name, self._ready[source])
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
        add_instances(target, name, made)

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


def add_instances(entity: dict[str, Any], name: str, made: Any) -> None:
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
