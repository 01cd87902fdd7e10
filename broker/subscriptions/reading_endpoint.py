"""Endpoints of notifications as clients write them (clauses 5.2.15, 5.2.22, 6.3.8, 7.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from broker.subscriptions.checks import (
    Place,
    choice,
    non_empty_list,
    non_empty_text,
    object_of,
    positive_number,
    refuse,
    text,
)

_ACCEPTED = ("application/json", "application/ld+json", "application/geo+json")
_SCHEMES = ("http", "https", "mqtt", "mqtts")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
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
        endpoint["receiverInfo"] = _pairs(members["receiverInfo"], where)
        if not is_mqtt:
            _check_headers(endpoint["receiverInfo"], where)
    if "notifierInfo" in members:
        where = (*place, "notifierInfo")
        endpoint["notifierInfo"] = _pairs(members["notifierInfo"], where)
        _check_notifier(endpoint["notifierInfo"], where)
    return endpoint


def _uri(value: Any, place: Place) -> str:
    given = non_empty_text(value, place)
    try:
        parts = urlsplit(given)
        _ = parts.port
    except ValueError as error:
        raise refuse(place, f"is {given!r}, not a URL: {error}") from error
    if parts.scheme.lower() not in _SCHEMES:
        raise refuse(place, f"is {given!r}; it has to begin with one of {', '.join(_SCHEMES)}")
    if not parts.hostname or any(character.isspace() for character in given):
        raise refuse(place, f"is {given!r}, not a URL with a host")
    if parts.scheme.lower().startswith("mqtt") and not parts.path.strip("/"):
        raise refuse(place, f"is {given!r}, which has no topic: mqtt://host[:port]/topic")
    return given


def _accept(value: Any, place: Place, *, is_mqtt: bool) -> str:
    return choice(value, place, _ACCEPTED[:2] if is_mqtt else _ACCEPTED)


def _pairs(value: Any, place: Place) -> list[dict[str, str]]:
    pairs = [] if value == [] else non_empty_list(value, place)
    return [_pair(pair, (*place, index)) for index, pair in enumerate(pairs)]


def _pair(value: Any, place: Place) -> dict[str, str]:
    members = object_of(value, place)
    for name in ("key", "value"):
        if name not in members:
            raise refuse((*place, name), "is missing; a pair has a 'key' and a 'value'")
    return {
        "key": non_empty_text(members["key"], (*place, "key")),
        "value": text(members["value"], (*place, "value")),
    }


def _check_headers(pairs: list[dict[str, str]], place: Place) -> None:
    for index, pair in enumerate(pairs):
        where = (*place, index)
        if not _TOKEN.fullmatch(pair["key"]):
            raise refuse((*where, "key"), f"is {pair['key']!r}, not the name of an HTTP header")
        if pair["key"].lower() in _FRAMING:
            raise refuse((*where, "key"), f"is {pair['key']!r}, a header the broker itself sets")
        if not _LINE.fullmatch(pair["value"]):
            raise refuse((*where, "value"), "cannot be the value of an HTTP header")


def _check_notifier(pairs: list[dict[str, str]], place: Place) -> None:
    for index, pair in enumerate(pairs):
        allowed = _MQTT_CHOICES.get(pair["key"].lower())
        if allowed is not None:
            choice(pair["value"], (*place, index, "value"), allowed)
