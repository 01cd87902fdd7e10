"""Groups and devices as the documents of the provisioning API, read and shown."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from adapters.mqtt.configuration import Device, Group, check_document
from adapters.mqtt.ids import entity_uri
from adapters.mqtt.not_carried_out import warnings_about
from adapters.mqtt.profile import Profile
from adapters.mqtt.provisioning_errors import MissingAttributes, WrongSyntax

log = logging.getLogger(__name__)

_LONGEST_LEVEL = 1_000
_NO_TOPIC_LEVEL = re.compile("[/+#\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")


def group_from(document: Any, service: str, subservice: str, place: str) -> Group:
    """Read a group. Raises `WrongSyntax`."""
    check_document(document, place)
    for member in ("resource", "apikey"):
        if not isinstance(document.get(member), str):
            raise WrongSyntax(f"{place} has no {member}; resource and apikey identify a group")
    _check_topic_level(document["apikey"], f"{place}.apikey")
    _say_what_is_not_carried_out(document, place)
    rest = _without_identity(document)
    return Group(service, subservice, document["resource"], document["apikey"], rest)


def device_from(document: Any, service: str, subservice: str, place: str) -> Device:
    """Read a device. Raises `WrongSyntax` and `MissingAttributes`."""
    check_document(document, place)
    device_id = document.get("device_id")
    if device_id in (None, ""):
        raise MissingAttributes(f"{place} has no device_id")
    _check_topic_level(device_id, f"{place}.device_id")
    apikey = document.get("apikey")
    if apikey:
        _check_topic_level(apikey, f"{place}.apikey")
    _say_what_is_not_carried_out(document, place)
    return Device(service, subservice, apikey or "", device_id, _without_identity(document))


def changes_from(document: Any, place: str) -> dict[str, Any]:
    """Read the members of a group or device that are to be replaced. Raises `WrongSyntax`."""
    check_document(document, place)
    _say_what_is_not_carried_out(document, place)
    return _without_identity(document)


def group_document(group: Group) -> dict[str, Any]:
    """Return a group as the API shows it."""
    document = dict(group.document)
    kind = document.pop("type", None) or document.get("entity_type")
    if kind is not None:
        document["entity_type"] = document["type"] = kind
    return {
        "resource": group.resource,
        "apikey": group.apikey,
        "service": group.service,
        "subservice": group.subservice,
        **document,
    }


def device_document(device: Device, profile: Profile) -> dict[str, Any]:
    """Return a device as the API shows it, with the entity its profile gives it."""
    lists: dict[str, Any] = {
        name: [] for name in ("attributes", "lazy", "commands", "static_attributes")
    }
    return {
        "device_id": device.device_id,
        "apikey": device.apikey or None,
        "service": device.service,
        "service_path": device.subservice,
        "entity_name": entity_uri(profile.entity_name or device.device_id, profile.entity_type),
        "entity_type": profile.entity_type,
        **lists,
        **device.document,
    }


def _check_topic_level(value: Any, place: str) -> None:
    """Refuse what cannot be one level of a topic such as `/json/{apikey}/{device_id}/attrs`."""
    if not isinstance(value, str):
        raise WrongSyntax(f"{place} is {value!r:.80}; it should be a text")
    if not value:
        raise WrongSyntax(f"{place} is empty")
    if len(value) > _LONGEST_LEVEL:
        raise WrongSyntax(
            f"{place} has {len(value)} characters; it should have at most {_LONGEST_LEVEL}, "
            "to fit into a topic"
        )
    if marks := "".join(dict.fromkeys(_NO_TOPIC_LEVEL.findall(value))):
        raise WrongSyntax(
            f"{place} is {value!r:.80}; it should be a text without {marks!r}, which no topic can "
            "carry: / + # have a meaning in topics, and control characters are not allowed"
        )


def _without_identity(document: Mapping[str, Any]) -> dict[str, Any]:
    identity = ("resource", "apikey", "device_id", "service", "subservice", "service_path")
    return {name: value for name, value in document.items() if name not in identity}


def _say_what_is_not_carried_out(document: Mapping[str, Any], place: str) -> None:
    for warning in warnings_about(document, place):
        log.warning("%s", warning)
