"""The provisioning operations: checks, registry and store, in the IoT Agents' form.

Every change is in the store before the registry shows it, so that what was answered with a 2xx
survives a crash. The methods take and return JSON; the HTTP face is `provisioning_server`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.mqtt.configuration import Device, Group, check_document
from adapters.mqtt.ids import entity_uri
from adapters.mqtt.not_carried_out import warnings_about
from adapters.mqtt.profile import Profile
from adapters.mqtt.provisioning_errors import (
    BadRequest,
    DeviceNotFound,
    DuplicateDevice,
    DuplicateGroup,
    GroupNotFound,
    MismatchedService,
    MissingAttributes,
    WrongSyntax,
)
from adapters.mqtt.registry import Registry

log = logging.getLogger(__name__)

DEVICE_LIMIT = 10_000
LONGEST_LEVEL = 1_000
NO_TOPIC_LEVEL = re.compile("[/+#\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")


class RegistryStore(Protocol):
    """Keeps groups and devices over restarts; each call is durable when it returns."""

    async def put(self, items: Sequence[Group | Device]) -> None:
        """Insert or replace groups and devices, all or none."""

    async def remove(self, items: Sequence[Group | Device]) -> None:
        """Remove groups and devices, all or none."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The service (tenant) and subservice of a request."""

    service: str
    subservice: str


class Provisioning:
    """Operations on the registry; one change at a time."""

    def __init__(self, registry: Registry, store: RegistryStore) -> None:
        self._registry = registry
        self._store = store
        self._turn = asyncio.Lock()

    async def create_groups(self, scope: Scope, documents: Any) -> None:
        """Create all groups of a request, or none. Raises `WrongSyntax`, `DuplicateGroup`."""
        items = _items(documents, "groups")
        groups = await asyncio.to_thread(
            lambda: [
                group_from(document, scope.service, scope.subservice, f"groups[{index}]")
                for index, document in enumerate(items)
            ]
        )
        async with self._turn:
            seen: set[tuple[str, str]] = set()
            for group in groups:
                if group.key in seen or self._registry.group(*group.key) is not None:
                    raise DuplicateGroup(
                        f"a group with resource {group.resource} and apikey {group.apikey} exists "
                        "already (the pair is unique over all services); change it with PUT"
                    )
                seen.add(group.key)
            await self._store.put(groups)
            for group in groups:
                self._registry.add_group(group)

    def list_groups(self, scope: Scope) -> list[dict[str, Any]]:
        """Return the groups of a subservice; `/*` stands for all subservices."""
        subservice = None if scope.subservice == "/*" else scope.subservice
        return [group_document(group) for group in self._registry.groups(scope.service, subservice)]

    async def change_group(self, scope: Scope, resource: str, apikey: str, changes: Any) -> None:
        """Replace the members given.

        Raises `WrongSyntax`, `GroupNotFound`, `BadRequest` for another resource or apikey.
        """
        await asyncio.to_thread(check_document, changes, "body")
        _say_what_is_not_carried_out(changes, "body")
        async with self._turn:
            group = self._own_group(scope, resource, apikey)
            for member, current in (("resource", resource), ("apikey", apikey)):
                if changes.get(member, current) != current:
                    raise BadRequest(f"{member} cannot be changed: it identifies the group")
            document = {**group.document, **_without_identity(changes)}
            changed = Group(group.service, group.subservice, resource, apikey, document)
            await self._store.put([changed])
            self._registry.replace_group(changed)

    async def delete_group(
        self, scope: Scope, resource: str, apikey: str, *, with_devices: bool
    ) -> None:
        """Delete a group, and its devices where asked to."""
        async with self._turn:
            group = self._own_group(scope, resource, apikey)
            devices = self._devices_of(group) if with_devices else []
            await self._store.remove([group, *devices])
            self._registry.remove_group(group)
            for device in devices:
                self._registry.remove_device(device)

    async def create_devices(self, scope: Scope, documents: Any) -> None:
        """Create all devices of a request, or none. Raises `WrongSyntax`, `DuplicateDevice`."""
        items = _items(documents, "devices")
        if len(items) > DEVICE_LIMIT:
            raise WrongSyntax(
                f"devices has {len(items)} elements; at most {DEVICE_LIMIT} are taken"
            )
        async with self._turn:
            complete = [self._with_apikey(document, scope) for document in items]
            devices = await asyncio.to_thread(
                lambda: [
                    device_from(document, scope.service, scope.subservice, f"devices[{index}]")
                    for index, document in enumerate(complete)
                ]
            )
            self._refuse_known(devices)
            await self._store.put(devices)
            for device in devices:
                self._registry.add_device(device)

    def _refuse_known(self, devices: Sequence[Device]) -> None:
        seen: set[tuple[str, str, str, str]] = set()
        for device in devices:
            known = self._registry.devices_named(
                device.device_id, device.service, device.subservice, device.apikey
            )
            if known or device.key in seen:
                raise DuplicateDevice(
                    f"a device {device.device_id} with apikey {device.apikey!r} exists already in "
                    f"{device.service}{device.subservice}; change it with PUT"
                )
            seen.add(device.key)

    def list_devices(self, scope: Scope, offset: int, limit: int) -> dict[str, Any]:
        """Return a page of the devices of a subservice and their number."""
        subservice = None if scope.subservice == "/*" else scope.subservice
        devices = self._registry.devices(scope.service, subservice)
        page = devices[offset : offset + limit]
        return {"count": len(devices), "devices": [self._shown(one) for one in page]}

    def get_device(self, scope: Scope, device_id: str, apikey: str | None) -> dict[str, Any]:
        """Return one device."""
        return self._shown(self._own_device(scope, device_id, apikey))

    async def change_device(
        self, scope: Scope, device_id: str, apikey: str | None, changes: Any
    ) -> None:
        """Replace the members given.

        Raises `WrongSyntax`, `DeviceNotFound`, `BadRequest` for another id or apikey.
        """
        await asyncio.to_thread(check_document, changes, "body")
        if "device_id" in changes:
            raise BadRequest("device_id cannot be changed: it identifies the device")
        _say_what_is_not_carried_out(changes, "body")
        async with self._turn:
            device = self._own_device(scope, device_id, apikey)
            self._refuse_fixed(device)
            if changes.get("apikey", device.apikey) != device.apikey:
                raise BadRequest("apikey cannot be changed: it identifies the device")
            document = {**device.document, **_without_identity(changes)}
            changed = Device(device.service, device.subservice, device.apikey, device_id, document)
            await self._store.put([changed])
            self._registry.replace_device(changed)

    def _shown(self, device: Device) -> dict[str, Any]:
        return device_document(device, self._registry.profile_of(device))

    async def save_discovered(self) -> None:
        """Bring the devices that were discovered by their measures to the disk."""
        async with self._turn:
            devices = self._registry.take_discovered()
            if devices:
                await self._store.put(devices)

    async def delete_device(self, scope: Scope, device_id: str, apikey: str | None) -> None:
        """Delete one device."""
        async with self._turn:
            device = self._own_device(scope, device_id, apikey)
            self._refuse_fixed(device)
            await self._store.remove([device])
            self._registry.remove_device(device)

    async def delete_devices(self, scope: Scope, items: Any) -> None:
        """Delete several devices. Those that exist go even if others are not found.

        Raises `WrongSyntax`, `DeviceNotFound` with the others.
        """
        wanted = []
        for index, item in enumerate(_items(items, "devices")):
            device_id = item.get("deviceId", item.get("device_id"))
            if not isinstance(device_id, str) or not device_id:
                raise WrongSyntax(f"devices[{index}] has no deviceId")
            wanted.append((device_id, item.get("apikey")))
        missing = []
        for device_id, apikey in wanted:
            try:
                await self.delete_device(scope, device_id, apikey)
            except DeviceNotFound:
                missing.append(device_id)
        if missing:
            raise DeviceNotFound(
                f"no device {', '.join(missing)} in {scope.service}{scope.subservice}; the others "
                "were deleted"
            )

    def _own_group(self, scope: Scope, resource: str, apikey: str) -> Group:
        group = self._registry.group(resource, apikey)
        if group is None:
            raise GroupNotFound(f"no group has the resource {resource} and the apikey {apikey}")
        if (group.service, group.subservice) != (scope.service, scope.subservice):
            raise MismatchedService(
                "the group belongs to another service or subservice than the headers name"
            )
        self._refuse_fixed(group)
        return group

    def _own_device(self, scope: Scope, device_id: str, apikey: str | None) -> Device:
        found = self._registry.devices_named(device_id, scope.service, scope.subservice, apikey)
        if not found:
            where = f"{scope.service}{scope.subservice}"
            raise DeviceNotFound(f"no device {device_id} was found in {where}")
        if len(found) > 1:
            keys = ", ".join(device.apikey or "(none)" for device in found)
            raise BadRequest(
                f"several devices are called {device_id}; say which with ?apikey= ({keys})"
            )
        return found[0]

    def _refuse_fixed(self, item: Group | Device) -> None:
        if self._registry.is_fixed(item):
            raise BadRequest("this comes from the settings file; change it there and restart")

    def _devices_of(self, group: Group) -> list[Device]:
        return [
            device
            for device in self._registry.devices(group.service, group.subservice)
            if device.apikey == group.apikey
        ]

    def _with_apikey(self, document: Any, scope: Scope) -> Any:
        """Give a device without apikey that of its subservice's group, if there is only one."""
        if not isinstance(document, Mapping) or document.get("apikey"):
            return document
        groups = self._registry.groups(scope.service, scope.subservice)
        kind = document.get("entity_type")
        alike = [
            one for one in groups if kind and one.document.get("entity_type") == kind
        ] or groups
        apikeys = {group.apikey for group in alike}
        return {**document, "apikey": apikeys.pop()} if len(apikeys) == 1 else document


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


def _check_topic_level(value: Any, place: str) -> None:
    """Refuse what cannot be one level of a topic such as `/json/{apikey}/{device_id}/attrs`."""
    if not isinstance(value, str):
        raise WrongSyntax(f"{place} is {value!r:.80}; it should be a text")
    if not value:
        raise WrongSyntax(f"{place} is empty")
    if len(value) > LONGEST_LEVEL:
        raise WrongSyntax(
            f"{place} has {len(value)} characters; it should have at most {LONGEST_LEVEL}, "
            "to fit into a topic"
        )
    if marks := "".join(dict.fromkeys(NO_TOPIC_LEVEL.findall(value))):
        raise WrongSyntax(
            f"{place} is {value!r:.80}; it should be a text without {marks!r}, which no topic can "
            "carry: / + # have a meaning in topics, and control characters are not allowed"
        )


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


def _items(documents: Any, name: str) -> Sequence[Any]:
    if not isinstance(documents, list) or not documents:
        raise WrongSyntax(f'the body should be {{"{name}": [{{…}}]}} with at least one element')
    for index, item in enumerate(documents):
        if not isinstance(item, Mapping):
            raise WrongSyntax(f"{name}[{index}] should be an object")
    return documents


def _without_identity(document: Mapping[str, Any]) -> dict[str, Any]:
    identity = ("resource", "apikey", "device_id", "service", "subservice", "service_path")
    return {name: value for name, value in document.items() if name not in identity}


def _say_what_is_not_carried_out(document: Mapping[str, Any], place: str) -> None:
    for warning in warnings_about(document, place):
        log.warning("%s", warning)
