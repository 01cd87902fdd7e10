"""Groups and devices of the registry: what was provisioned, checked and made ready for use.

A `Group` or `Device` keeps the document as its client wrote it; a `Profile` is what both mean for
the measures of one device (what the device says beats what its group says).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.mqtt.expressions import Expression, InvalidExpression, compile_expression
from adapters.mqtt.links import DEFAULT_NAME, Link
from adapters.mqtt.names import RESERVED
from adapters.mqtt.provisioning_errors import WrongSyntax
from adapters.mqtt.sensors import Sensors
from adapters.mqtt.values import Unfit, attribute

NAME = re.compile(r"[^\W\d_](\w)*(:[^\W\d_]\w*)?")
"""Names of attributes and types the standard allows (clause 4.6.2)."""

IGNORED_NAMES = frozenset({"id", "type"})
"""Names of attributes the IoT Agents ignore, and so do we."""

DEFAULT_TYPE = "Thing"


@dataclass(frozen=True, slots=True)
class Metadata:
    """A sub-attribute of fixed value, or of the value an expression gives."""

    name: str
    type: str | None
    value: Any
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """How a value of the payload becomes an attribute."""

    name: str
    type: str | None = None
    object_id: str | None = None
    expression: Expression | None = None
    skip_value: Any = None
    metadata: tuple[Metadata, ...] = ()
    entity_name: str | None = None
    entity_name_expression: Expression | None = None
    entity_type: str | None = None


@dataclass(frozen=True, slots=True)
class StaticAttribute:
    """An attribute of fixed value."""

    name: str
    type: str | None
    value: Any
    metadata: tuple[Metadata, ...] = ()
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A configuration group; unique by resource and apikey, over all services."""

    service: str
    subservice: str
    resource: str
    apikey: str
    document: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the group."""
        return self.resource, self.apikey


@dataclass(frozen=True, slots=True)
class Device:
    """A device; unique by service, subservice, apikey and device id. `apikey` may be empty."""

    service: str
    subservice: str
    apikey: str
    device_id: str
    document: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the device."""
        return self.service, self.subservice, self.apikey, self.device_id


@dataclass(frozen=True, slots=True)
class Profile:
    """What group and device together say about the measures of a device."""

    service: str
    subservice: str
    apikey: str
    device_id: str
    entity_type: str
    entity_name: str | None = None
    entity_name_expression: Expression | None = None
    attributes: tuple[AttributeMapping, ...] = ()
    static_attributes: tuple[StaticAttribute, ...] = ()
    explicit: bool | Expression = False
    zone: tzinfo = UTC
    payload_type: str = "iotagent"
    codec: str | None = None
    sensors: Sensors | None = None
    mapped_members: frozenset[str] = field(default_factory=frozenset)

    def static_values(self) -> dict[str, Any]:
        """Return the values of the static attributes by name."""
        return {attribute.name: attribute.value for attribute in self.static_attributes}

    def metadata_values(self) -> dict[str, dict[str, Any]]:
        """Return the fixed values of metadata by the names of attribute and metadata."""
        found = {one.name: one.metadata for one in self.attributes}
        found |= {one.name: one.metadata for one in self.static_attributes}
        return {
            name: {item.name: item.value for item in metadata}
            for name, metadata in found.items()
            if metadata
        }


def profile_of(group: Group | None, device: Device | None, device_id: str) -> Profile:
    """Join group and device (at least one is given). Raises `WrongSyntax`."""
    from_group: Mapping[str, Any] = group.document if group else {}
    from_device: Mapping[str, Any] = device.document if device else {}
    owner = group or device
    assert owner is not None
    document = {**from_group, **{k: v for k, v in from_device.items() if v is not None}}
    attributes = _mappings(from_group, from_device)
    return Profile(
        service=owner.service,
        subservice=owner.subservice,
        apikey=owner.apikey,
        device_id=device_id,
        entity_type=document.get("entity_type") or document.get("type") or DEFAULT_TYPE,
        entity_name=from_device.get("entity_name"),
        entity_name_expression=_optional_expression(from_group, "entityNameExp"),
        attributes=attributes,
        static_attributes=_statics(from_group, from_device),
        explicit=_explicit(document.get("explicitAttrs", False)),
        zone=_zone(document.get("timezone")),
        payload_type=str(document.get("payloadType") or "iotagent").lower(),
        codec=_codec(document.get("internal_attributes")),
        sensors=_sensors(document.get("internal_attributes")),
        mapped_members=frozenset(_first_members(attributes)),
    )


def check_document(document: Any, place: str) -> None:
    """Check the members groups and devices share. Raises `WrongSyntax` with the place.

    Reads the files of time zones that are new: not for the event loop.
    """
    if not isinstance(document, Mapping):
        raise WrongSyntax(f"{place} should be an object")
    for member, kinds in _MEMBER_KINDS.items():
        value = document.get(member)
        if value is not None and not isinstance(value, kinds):
            wanted = " or ".join(_KIND_NAMES[kind] for kind in kinds)
            raise WrongSyntax(f"{place}.{member} should be {wanted}, it is {value!r:.80}")
    payload_type = document.get("payloadType")
    if payload_type is not None and payload_type.lower() not in ("iotagent", "ngsiv2", "ngsild"):
        raise WrongSyntax(f"{place}.payloadType should be iotagent, ngsiv2 or ngsild")
    for member in ("entity_type", "type"):
        value = document.get(member)
        if value is not None and not _is_name(value):
            raise WrongSyntax(f"{place}.{member} is {value!r}: {_NAME_RULE}")
    _check_meaning(document, place)


def _check_meaning(document: Mapping[str, Any], place: str) -> None:
    try:
        _mappings(document, {})
        _check_statics(document)
        _explicit(document.get("explicitAttrs", False))
        _optional_expression(document, "entityNameExp")
        _zone(document.get("timezone"))
    except WrongSyntax as error:
        raise WrongSyntax(f"{place}.{error.message}") from error


def _mappings(*documents: Mapping[str, Any]) -> tuple[AttributeMapping, ...]:
    """Read the attributes; those of a later document replace those of the same source and name."""
    found: dict[tuple[Any, ...], AttributeMapping] = {}
    for document in documents:
        for index, item in enumerate(document.get("attributes") or ()):
            mapping = _mapping(item, f"attributes[{index}]")
            if mapping is not None:
                found[mapping.object_id or mapping.name, mapping.name, mapping.entity_name] = (
                    mapping
                )
    return tuple(found.values())


def _mapping(item: Any, place: str) -> AttributeMapping | None:
    name = _name_of(item, place)
    if name in IGNORED_NAMES:
        return None
    entity_name = item.get("entity_name")
    return AttributeMapping(
        name=name,
        type=item.get("type"),
        object_id=item.get("object_id"),
        expression=_optional_expression(item, "expression", place + "."),
        skip_value=item.get("skipValue"),
        metadata=_metadata(item.get("metadata"), place),
        entity_name=entity_name,
        entity_name_expression=_lenient_expression(entity_name),
        entity_type=item.get("entity_type"),
    )


def _statics(*documents: Mapping[str, Any]) -> tuple[StaticAttribute, ...]:
    found: dict[str, StaticAttribute] = {}
    for document in documents:
        for index, item in enumerate(document.get("static_attributes") or ()):
            place = f"static_attributes[{index}]"
            name = _name_of(item, place)
            if "value" not in item:
                raise WrongSyntax(f"{place} ({name}) has no value")
            if name not in IGNORED_NAMES:
                found[name] = StaticAttribute(
                    name,
                    item.get("type"),
                    item["value"],
                    _metadata(item.get("metadata"), place),
                    _link(item.get("link"), f"{place}.link"),
                )
    return tuple(found.values())


def _check_statics(document: Mapping[str, Any]) -> None:
    for constant in _statics(document):
        try:
            attribute(constant.type, constant.value, _zone(document.get("timezone")))
        except Unfit as error:
            raise WrongSyntax(f"static_attributes: {constant.name} {error}") from error


def _link(document: Any, place: str) -> Link | None:
    if document is None:
        return None
    names = document.get("attributes") if isinstance(document, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise WrongSyntax(f"{place} should be an object with attributes, an array of names")
    name, kind = document.get("name", DEFAULT_NAME), document.get("type")
    for member, value in (("name", name), ("type", kind)):
        if value is not None and not _is_name(value):
            raise WrongSyntax(f"{place}.{member} is {value!r}: {_NAME_RULE}")
    return Link(tuple(names), name or DEFAULT_NAME, kind)


def _name_of(item: Any, place: str) -> str:
    if not isinstance(item, Mapping):
        raise WrongSyntax(f"{place} should be an object with name and type")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise WrongSyntax(f"{place} has no name")
    if name not in IGNORED_NAMES and (not _is_name(name) or name in RESERVED):
        rule = "NGSI-LD keeps this name for itself" if name in RESERVED else _NAME_RULE
        raise WrongSyntax(f"{place}.name is {name!r}: {rule}")
    for member in ("type", "object_id", "expression", "entity_name", "entity_type"):
        if item.get(member) is not None and not isinstance(item[member], str):
            raise WrongSyntax(f"{place}.{member} should be a text")
    return name


def _metadata(document: Any, place: str) -> tuple[Metadata, ...]:
    if document is None:
        return ()
    if not isinstance(document, Mapping):
        raise WrongSyntax(f"{place}.metadata should be an object")
    found = []
    for name, item in document.items():
        if not _is_name(name):
            raise WrongSyntax(f"{place}.metadata has the name {name!r}: {_NAME_RULE}")
        if not isinstance(item, Mapping):
            found.append(Metadata(name, None, item))
            continue
        expression = _optional_expression(item, "expression", f"{place}.metadata.{name}.")
        found.append(Metadata(name, item.get("type"), item.get("value"), expression))
    return tuple(found)


def _optional_expression(
    document: Mapping[str, Any], member: str, place: str = ""
) -> Expression | None:
    text = document.get(member)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise WrongSyntax(f"{place}{member} should be a text")
    try:
        return compile_expression(text)
    except InvalidExpression as error:
        raise WrongSyntax(f"{place}{member} {text!r} cannot be used: {error}") from error


def _lenient_expression(text: str | None) -> Expression | None:
    """Read a name that may be an expression: most are plain names, which do not parse."""
    try:
        return compile_expression(text) if text else None
    except InvalidExpression:
        return None


def _explicit(value: Any) -> bool | Expression:
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    text = value
    if isinstance(value, list):
        text = "[" + ",".join(_quoted(item) for item in value) + "]"
    expression = _optional_expression({"explicitAttrs": text}, "explicitAttrs")
    return False if expression is None else expression


def _quoted(item: Any) -> str:
    if isinstance(item, str):
        return "'" + item.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(item, Mapping) and isinstance(item.get("object_id"), str):
        return "{object_id:" + _quoted(item["object_id"]) + "}"
    raise WrongSyntax("explicitAttrs lists names of attributes and objects with object_id")


@lru_cache(maxsize=1000)
def _zone(name: Any) -> tzinfo:
    """Return a time zone; the first time it is read from a file."""
    if not name:
        return UTC
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WrongSyntax(f"timezone {name!r} is not known; write it as in Asia/Tokyo") from error


def _codec(internal: Any) -> str | None:
    return next((one for one in _internal(internal, "codec") if isinstance(one, str)), None)


def _sensors(internal: Any) -> Sensors | None:
    """Return the sensors of a family's devices (see `families`)."""
    names = next((one for one in _internal(internal, "sensors") if isinstance(one, list)), None)
    if not names:
        return None
    within = next((one for one in _internal(internal, "within") if isinstance(one, str)), "")
    return Sensors(tuple(one for one in names if isinstance(one, str)), within)


def _internal(internal: Any, member: str) -> Iterator[Any]:
    for item in internal if isinstance(internal, list) else [internal]:
        if isinstance(item, Mapping) and member in item:
            yield item[member]


def _first_members(attributes: tuple[AttributeMapping, ...]) -> set[str]:
    """Return the top-level members of the payload that mappings take (`BME280.Temperature`)."""
    members = set()
    for mapping in attributes:
        source = mapping.object_id or mapping.name
        members |= {source, source.split(".", 1)[0]}
    return members


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


_NAME_RULE = "a name begins with a letter and has letters, digits and _ (one prefix: is allowed)"
_MEMBER_KINDS: Mapping[str, tuple[type, ...]] = {
    "entity_name": (str,),
    "entity_type": (str,),
    "attributes": (list,),
    "lazy": (list,),
    "commands": (list,),
    "static_attributes": (list,),
    "internal_attributes": (list, dict),
    "entityNameExp": (str,),
    "timezone": (str,),
    "payloadType": (str,),
    "autoprovision": (bool,),
    "explicitAttrs": (bool, str, list),
}
_KIND_NAMES = {str: "a text", list: "an array", dict: "an object", bool: "true or false"}
