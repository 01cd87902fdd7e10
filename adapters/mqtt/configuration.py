"""Groups and devices of the registry: what was provisioned, checked and made ready for use.

A `Group` or `Device` keeps the document as its client wrote it; a `Profile` is what both mean for
the measures of one device (what the device says beats what its group says).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.mqtt.attribute_documents import (
    NAME_RULE,
    is_name,
    optional_expression,
    read_mappings,
    read_statics,
)
from adapters.mqtt.expressions import Expression
from adapters.mqtt.profile import AttributeMapping, Profile
from adapters.mqtt.provisioning_errors import WrongSyntax
from adapters.mqtt.sensors import Sensors
from adapters.mqtt.values import Unfit, attribute

_DEFAULT_TYPE = "Thing"

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


def profile_of(group: Group | None, device: Device | None, device_id: str) -> Profile:
    """Join group and device (at least one is given). Raises `WrongSyntax`."""
    from_group: Mapping[str, Any] = group.document if group else {}
    from_device: Mapping[str, Any] = device.document if device else {}
    owner = group or device
    assert owner is not None
    document = {**from_group, **{k: v for k, v in from_device.items() if v is not None}}
    attributes = read_mappings(from_group, from_device)
    return Profile(
        service=owner.service,
        subservice=owner.subservice,
        apikey=owner.apikey,
        device_id=device_id,
        entity_type=document.get("entity_type") or document.get("type") or _DEFAULT_TYPE,
        entity_name=from_device.get("entity_name"),
        entity_name_expression=optional_expression(from_group, "entityNameExp"),
        attributes=attributes,
        static_attributes=read_statics(from_group, from_device),
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
        if value is not None and not is_name(value):
            raise WrongSyntax(f"{place}.{member} is {value!r}: {NAME_RULE}")
    _check_meaning(document, place)


def _check_meaning(document: Mapping[str, Any], place: str) -> None:
    try:
        read_mappings(document, {})
        _check_statics(document)
        _explicit(document.get("explicitAttrs", False))
        optional_expression(document, "entityNameExp")
        _zone(document.get("timezone"))
    except WrongSyntax as error:
        raise WrongSyntax(f"{place}.{error.message}") from error


def _check_statics(document: Mapping[str, Any]) -> None:
    for constant in read_statics(document):
        try:
            attribute(constant.type, constant.value, _zone(document.get("timezone")))
        except Unfit as error:
            raise WrongSyntax(f"static_attributes: {constant.name} {error}") from error


def _explicit(value: Any) -> bool | Expression:
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    text = value
    if isinstance(value, list):
        text = "[" + ",".join(_quoted(item) for item in value) + "]"
    expression = optional_expression({"explicitAttrs": text}, "explicitAttrs")
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
