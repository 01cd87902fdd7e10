"""The provisioning API of the IoT Agents over HTTP: `/iot/groups`, `/iot/devices` and the rest."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from adapters.mqtt.not_carried_out import warnings_about, warnings_about_all
from adapters.mqtt.provisioning import Provisioning, Scope
from adapters.mqtt.provisioning_errors import (
    BadRequest,
    MissingHeaders,
    ProvisioningError,
    WrongSyntax,
)
from adapters.runtime.health import Health
from adapters.runtime.http_server import Handler, Request, Response, Route
from broker import __version__

SERVICE = re.compile(r"[A-Za-z0-9_]{1,50}")
SERVICE_PATH = re.compile(r"/|(/[A-Za-z0-9_]{1,50}){1,10}|/\*")
LIMITS = (1, 10**9)
LIST_PARAMETERS = frozenset({"limit", "offset", "detailed"})
"""Lists are always detailed."""


def routes(provisioning: Provisioning, health: Health) -> list[Route]:
    """Return the routes of the API."""
    api = _Api(provisioning, health)
    table = [
        *(
            (method, path, handler)
            for path in ("/iot/groups", "/iot/services")
            for method, handler in (
                ("POST", api.create_groups),
                ("GET", api.list_groups),
                ("PUT", api.change_group),
                ("DELETE", api.delete_group),
            )
        ),
        ("POST", "/iot/devices", api.create_devices),
        ("GET", "/iot/devices", api.list_devices),
        ("GET", "/iot/devices/{device}", api.get_device),
        ("PUT", "/iot/devices/{device}", api.change_device),
        ("DELETE", "/iot/devices/{device}", api.delete_device),
        ("POST", "/iot/op/delete", api.delete_devices),
        ("GET", "/iot/about", api.about),
        ("GET", "/version", api.about),
        ("GET", "/ready", api.ready),
    ]
    return [Route(method, path, _guarded(handler)) for method, path, handler in table]


def _guarded(handler: Callable[[Request], Awaitable[Response]]) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ProvisioningError as error:
            return Response(error.status, {"name": error.name, "message": error.message})

    return handle


class _Api:
    """The handlers: they read the request, call one operation, and respond."""

    def __init__(self, provisioning: Provisioning, health: Health) -> None:
        self._provisioning = provisioning
        self._health = health

    async def create_groups(self, request: Request) -> Response:
        documents = _body(request).get(_groups_member(request))
        await self._provisioning.create_groups(_own_scope(request), documents)
        return _created(warnings_about_all(documents, _groups_member(request)))

    async def list_groups(self, request: Request) -> Response:
        groups = self._provisioning.list_groups(_scope(request))
        offset, limit = _page(request)
        page = groups[offset : offset + limit]
        body = {"count": len(groups), _groups_member(request): page}
        return Response(200, body, headers=_about_parameters(request))

    async def change_group(self, request: Request) -> Response:
        changes = _body(request)
        await self._provisioning.change_group(_own_scope(request), *_group_key(request), changes)
        return Response(204, headers=_warning_header(warnings_about(changes, "body")))

    async def delete_group(self, request: Request) -> Response:
        with_devices = request.query.get("device", "").lower() == "true"
        await self._provisioning.delete_group(
            _own_scope(request), *_group_key(request), with_devices=with_devices
        )
        return Response(204)

    async def create_devices(self, request: Request) -> Response:
        documents = _body(request).get("devices")
        await self._provisioning.create_devices(_own_scope(request), documents)
        return _created(warnings_about_all(documents, "devices"))

    async def list_devices(self, request: Request) -> Response:
        devices = self._provisioning.list_devices(_scope(request), *_page(request))
        return Response(200, devices, headers=_about_parameters(request))

    async def get_device(self, request: Request) -> Response:
        device = self._provisioning.get_device(_scope(request), *_device_key(request))
        return Response(200, device)

    async def change_device(self, request: Request) -> Response:
        changes = _body(request)
        await self._provisioning.change_device(_own_scope(request), *_device_key(request), changes)
        return Response(204, headers=_warning_header(warnings_about(changes, "body")))

    async def delete_device(self, request: Request) -> Response:
        await self._provisioning.delete_device(_own_scope(request), *_device_key(request))
        return Response(204)

    async def delete_devices(self, request: Request) -> Response:
        await self._provisioning.delete_devices(_own_scope(request), _body(request).get("devices"))
        return Response(204)

    async def about(self, _: Request) -> Response:
        return Response(
            200, {"version": __version__, "libVersion": __version__, **self._health.as_json()}
        )

    async def ready(self, _: Request) -> Response:
        return Response(200, {"ready": True})


def _created(warnings: list[str]) -> Response:
    """Answer as the IoT Agents do, and say in body and header what has no effect."""
    body = {"warnings": warnings} if warnings else {}
    return Response(201, body, headers=_warning_header(warnings))


def _warning_header(warnings: list[str]) -> dict[str, str]:
    return {"Warning": f'299 - "{"; ".join(warnings)[:4000]}"'} if warnings else {}


def _about_parameters(request: Request) -> dict[str, str]:
    """Say of parameters of a list that nothing here acts on them: all of it is answered."""
    ignored = sorted(request.query.keys() - LIST_PARAMETERS)
    names = ", ".join(name for name in ignored if name.isidentifier() and name.isascii())
    told = f"query parameters not carried out: {names}" if names else ""
    return _warning_header([told] if told else [])


def _scope(request: Request) -> Scope:
    missing = [
        name for name in ("fiware-service", "fiware-servicepath") if not request.headers.get(name)
    ]
    if missing:
        raise MissingHeaders(f"these headers are missing: {', '.join(missing)}")
    service, path = request.headers["fiware-service"], request.headers["fiware-servicepath"]
    if SERVICE.fullmatch(service) is None:
        raise MissingHeaders(
            f"fiware-service is {service!r}; it has up to 50 letters, digits and _ (it is the "
            "name of the tenant)"
        )
    if SERVICE_PATH.fullmatch(path) is None:
        raise MissingHeaders(
            f"fiware-servicepath is {path!r}; it is / or up to 10 levels such as /city/parks"
        )
    return Scope(service, path)


def _own_scope(request: Request) -> Scope:
    """Return the scope of a change, which is one subservice."""
    scope = _scope(request)
    if scope.subservice == "/*":
        raise BadRequest("fiware-servicepath /* stands for all subservices; a change names one")
    return scope


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        raise WrongSyntax("the body is empty; it should be a JSON object")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise WrongSyntax(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise WrongSyntax("the body should be a JSON object")
    return body


def _groups_member(request: Request) -> str:
    return "services" if request.path.rstrip("/").endswith("/services") else "groups"


def _group_key(request: Request) -> tuple[str, str]:
    missing = [name for name in ("resource", "apikey") if name not in request.query]
    if missing:
        raise MissingHeaders(
            f"these query parameters are missing: {', '.join(missing)}; they name the group"
        )
    return request.query["resource"], request.query["apikey"]


def _device_key(request: Request) -> tuple[str, str | None]:
    return request.path_values["device"], request.query.get("apikey")


def _page(request: Request) -> tuple[int, int]:
    """Return offset and limit; without a limit all are meant, as with the IoT Agents."""
    offset = _number(request, "offset", 0, (0, LIMITS[1]))
    return offset, _number(request, "limit", LIMITS[1], LIMITS)


def _number(request: Request, name: str, default: int, limits: tuple[int, int]) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdigit() or not limits[0] <= int(text) <= limits[1]:
        raise BadRequest(f"{name} is {text!r}; it is a number from {limits[0]} to {limits[1]}")
    return int(text)
