"""Endpoints of notifications as clients write them (clauses 5.2.15, 5.2.22, 6.3.8, 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from broker.representations.checks import (
    Place,
    choice,
    object_of,
    positive_number,
    refuse,
    url,
)
from broker.representations.key_values import check_header_pairs, key_value_pairs

_ACCEPTED = ("application/json", "application/ld+json", "application/geo+json")
_SCHEMES = ("http", "https", "mqtt", "mqtts")
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})
_MQTT_CHOICES: Mapping[str, tuple[str, ...]] = {
    "mqtt-qos": ("0", "1", "2"),
    "mqtt-version": ("mqtt3.1.1", "mqtt5.0"),
}


def read_endpoint(value: Any, place: Place) -> dict[str, Any]:
    """Return the definition of an endpoint; raises BadRequestData."""
    members = object_of(value, place)
    if "uri" not in members:
        raise refuse((*place, "uri"), "is missing: say where notifications go")
    endpoint: dict[str, Any] = {"uri": _uri(members["uri"], (*place, "uri"))}
    is_mqtt = endpoint["uri"].lower().startswith("mqtt")
    if "accept" in members:
        endpoint["accept"] = _accept(members["accept"], (*place, "accept"), is_mqtt=is_mqtt)
    for name in ("timeout", "cooldown"):
        if name in members:
            endpoint[name] = positive_number(members[name], (*place, name))
    if "receiverInfo" in members:
        where = (*place, "receiverInfo")
        endpoint["receiverInfo"] = key_value_pairs(members["receiverInfo"], where)
        if not is_mqtt:
            _check_headers(endpoint["receiverInfo"], where)
    if "notifierInfo" in members:
        where = (*place, "notifierInfo")
        endpoint["notifierInfo"] = key_value_pairs(members["notifierInfo"], where)
        _check_notifier(endpoint["notifierInfo"], where)
    return endpoint


def _uri(value: Any, place: Place) -> str:
    given = url(value, place, _SCHEMES)
    parts = urlsplit(given)
    if parts.scheme.lower().startswith("mqtt") and not parts.path.strip("/"):
        raise refuse(place, f"is {given!r}, which has no topic: mqtt://host[:port]/topic")
    return given


def _accept(value: Any, place: Place, *, is_mqtt: bool) -> str:
    return choice(value, place, _ACCEPTED[:2] if is_mqtt else _ACCEPTED)


def _check_headers(pairs: list[dict[str, str]], place: Place) -> None:
    check_header_pairs(pairs, place)
    for index, pair in enumerate(pairs):
        where = (*place, index)
        if pair["key"].lower() in _FRAMING:
            raise refuse((*where, "key"), f"is {pair['key']!r}, a header the broker itself sets")


def _check_notifier(pairs: list[dict[str, str]], place: Place) -> None:
    for index, pair in enumerate(pairs):
        allowed = _MQTT_CHOICES.get(pair["key"].lower())
        if allowed is not None:
            choice(pair["value"], (*place, index, "value"), allowed)
