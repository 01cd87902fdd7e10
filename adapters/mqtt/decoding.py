"""One message to measures: the route of its topic chooses the decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

from adapters.mqtt.decoders import (
    chirpstack,
    helium,
    iot_agent_json,
    plain,
    senml,
    things_stack,
    ultralight,
)
from adapters.mqtt.measure import Measure, Message, Unusable, member_at
from adapters.mqtt.topics import Route

Decode: TypeAlias = Callable[[Message, Route], list[Measure]]


def decode(message: Message, route: Route) -> list[Measure]:
    """Return the measures of a message; none for an event that measures nothing.

    Raises `Unusable` when nothing can be made of it.
    """
    measures = _DECODERS[route.rule.format](message, route)
    if route.rule.time:
        measures = [_timed(measure, route.rule.time) for measure in measures]
    return measures


def _device(route: Route, body: Mapping[str, Any] | None = None) -> str:
    """Return the id of the device: from the topic, the rule, or a member of the payload."""
    if route.device_id is None:
        raise Unusable(
            f"the rule {route.rule.pattern!r} names no device: the pattern needs {{device}}, or "
            "the rule a device"
        )
    if not route.device_id.startswith("$."):
        return route.device_id
    value = member_at(body or {}, route.device_id[2:])
    if not isinstance(value, (str, int)) or value == "":
        raise Unusable(f"the payload has no {route.device_id[2:]}, which should name the device")
    return str(value)


def _timed(measure: Measure, paths: tuple[str, ...]) -> Measure:
    """Take the time from the first member there is; at the top level it is no value besides."""
    for path in paths:
        stated = member_at(measure.values, path)
        if stated is not None:
            rest = {name: value for name, value in measure.values.items() if name != path}
            return replace(measure, local_time=stated, values=rest)
    return measure


def _iot_agent(message: Message, route: Route) -> list[Measure]:
    if route.name:
        return iot_agent_json.decode_single(message.payload, _device(route), route.name)
    return iot_agent_json.decode(message.payload, _device(route))


def _ultralight(message: Message, route: Route) -> list[Measure]:
    if route.name:
        return ultralight.decode_single(message.payload, _device(route), route.name)
    return ultralight.decode(message.payload, _device(route))


def _document(message: Message, route: Route) -> list[Measure]:
    body = plain.object_of(message.payload)
    return plain.measure_of(body, _device(route, body))


def _value(message: Message, route: Route) -> list[Measure]:
    return plain.decode_value(message.payload, _device(route), route.name or "value")


def _columns(message: Message, route: Route) -> list[Measure]:
    rule = route.rule
    return plain.decode_columns(message.payload, _device(route), rule.columns, rule.separator)


def _senml(message: Message, route: Route) -> list[Measure]:
    return senml.decode(message.payload, route.device_id or "", message.received_at)


def _frame(message: Message, route: Route) -> list[Measure]:
    if not message.payload:
        raise Unusable("the payload is empty")
    return [Measure(_device(route).lower(), frame=message.payload)]


_DECODERS: Mapping[str, Decode] = MappingProxyType(
    {
        "iot-agent": _iot_agent,
        "iot-agent-json": _iot_agent,
        "ultralight": _ultralight,
        "json": _document,
        "value": _value,
        "columns": _columns,
        "senml": _senml,
        "frame": _frame,
        "chirpstack": lambda message, route: chirpstack.decode(
            message.payload, route.device_id, route.event
        ),
        "things-stack": lambda message, route: things_stack.decode(
            message.payload, route.device_id, route.event
        ),
        "helium": lambda message, route: helium.decode(message.payload, route.device_id),
    }
)
