"""Measures over HTTP, as the IoT Agents take them: `/iot/json`, `/iot/d` and the groups' own paths.

The answer comes after the broker has committed the measure; a device that got a 200 has been heard.
"""

from __future__ import annotations

import orjson

from adapters.mqtt import times
from adapters.mqtt.attribute_mapping import Entity
from adapters.mqtt.decoders.iot_agent_json import hexadecimal
from adapters.mqtt.measure import Message, Unusable
from adapters.mqtt.observations import ULTRALIGHT_RESOURCE, MessageReader, Observation
from adapters.mqtt.outlets import Outlets
from adapters.mqtt.topics import Route as TopicRoute
from adapters.mqtt.topics import TopicRule
from adapters.mqtt.unmapped import nothing_stored
from adapters.runtime.batch import Written
from adapters.runtime.errors import AdapterError, SkipRecord
from adapters.runtime.http_server import Request, Response, Route

ATTRIBUTE = "/attrs/"
NOT_MEASURES = ("/commands", "/configuration", "/configuration/commands")
"""Ends of the paths where devices report results of commands and ask for their configuration."""


def routes(reader: MessageReader, outlets: Outlets) -> list[Route]:
    """Return the routes; any path may be the resource of a group."""
    port = _SouthPort(reader, outlets)
    path = "/{resource:.+}"
    return [Route("POST", path, port.take), Route("GET", path, port.take_from_query)]


class _SouthPort:
    def __init__(self, reader: MessageReader, outlets: Outlets) -> None:
        self._reader = reader
        self._outlets = outlets

    async def take(self, request: Request) -> Response:
        """Take the measure in the body."""
        return await self._answer(request, request.body)

    async def take_from_query(self, request: Request) -> Response:
        """Take an UltraLight measure in `d`; without one the device asks for commands."""
        payload = request.query.get("d", "")
        if not payload and request.query.get("getCmd") == "1":
            _device_of(request)
            return Response(200, {})
        return await self._answer(request, payload.encode())

    async def _answer(self, request: Request, body: bytes) -> Response:
        try:
            warnings = await self._store(request, body)
        except _MissingParameters as error:
            return Response(400, {"name": "MANDATORY_PARAMS_NOT_FOUND", "message": error.detail})
        except Unusable as error:
            return Response(400, {"name": "WRONG_SYNTAX", "message": error.detail})
        except SkipRecord as error:
            return Response(400, {"name": "BAD_REQUEST", "message": error.detail})
        return Response(200, {"warnings": warnings} if warnings else {})

    async def _store(self, request: Request, body: bytes) -> list[str]:
        """Store the measures; the answer names those of which nothing is stored."""
        route = _route(request)
        message = _message(request, body, route, self._outlets.clock())
        observations = self._reader.read_routed(message, route)
        faults = [fault for one in observations for fault in one.translation.faults]
        self._outlets.health.count("measures", len(observations))
        parts = [
            (one, entity, has_static)
            for one in observations
            for entity, has_static in self._outlets.static.joined(one)
        ]
        try:
            await self._write(parts, faults)
        except AdapterError:
            for observation, entity, _ in parts:
                self._outlets.static.forget(observation, entity["id"])
            raise
        unused = [nothing_stored(one) for one in observations if one.translation.unused]
        self._outlets.health.count("unmapped", len(unused))
        return unused

    async def _write(
        self, parts: list[tuple[Observation, Entity, bool]], faults: list[str]
    ) -> None:
        """Write all entities if there is no fault; return when the broker has committed them."""
        for _, entity, _ in parts:
            faults += (await self._outlets.fitting(entity))[1]
        if faults:
            raise Unusable("; ".join(faults))
        futures = [await self._outlets.submit(one, entity) for one, entity, _ in parts]
        for (observation, entity, has_static), future in zip(parts, futures, strict=True):
            if await future is Written.CREATED and not has_static:
                self._outlets.static.forget(observation, entity["id"])


class _MissingParameters(SkipRecord):
    """The query names no apikey or no device."""


def _device_of(request: Request) -> tuple[str, str]:
    missing = [name for name in ("k", "i") if not request.query.get(name)]
    if missing:
        raise _MissingParameters(
            f"these query parameters are missing: {', '.join(missing)} (k is the apikey, i the "
            "device id)"
        )
    return request.query["k"], request.query["i"]


def _route(request: Request) -> TopicRoute:
    apikey, device_id = _device_of(request)
    resource, _, name = request.path.partition(ATTRIBUTE)
    if resource.endswith(NOT_MEASURES):
        raise Unusable(
            f"{resource} takes no measures: devices get neither commands nor their configuration "
            "from here, so there is no result to report"
        )
    kind = "ultralight" if resource == ULTRALIGHT_RESOURCE else "iot-agent-json"
    return TopicRoute(TopicRule(request.path, kind, resource), apikey, device_id, name, "")


def _message(request: Request, body: bytes, route: TopicRoute, now: str) -> Message:
    """Return the measure as a message; `t` is the time where the payload states none."""
    at = now
    if stated := request.query.get("t"):
        at = times.from_iso(stated) or ""
        if not at:
            raise Unusable(f"t is {stated!r}; it should be a time such as 2026-01-31T09:30:00Z")
    payload = _single(request, body, route.name) if route.name else body
    return Message(request.path, payload, at)


def _single(request: Request, body: bytes, name: str) -> bytes:
    """Return the value of one attribute as JSON; the Content-Type says what it is."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Unusable(f"the body is not JSON ({error})") from error
        return body
    if media_type == "text/plain":
        return orjson.dumps(body.decode("utf-8", "replace"))
    if media_type in ("", "application/octet-stream"):
        return orjson.dumps(hexadecimal(body, name))
    raise Unusable(
        f"a value of the type {media_type} cannot be read; send application/json, text/plain or "
        "application/octet-stream"
    )
