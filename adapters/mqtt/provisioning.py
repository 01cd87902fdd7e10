"""The provisioning operations: checks, registry and store, in the IoT Agents' form.

Every change is in the store before the registry shows it, so that what was answered with a 2xx
survives a crash. The methods take and return JSON; the HTTP face is `provisioning_server`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.mqtt.configuration import Device, Group
from adapters.mqtt.provisioning_documents import (
    changes_from,
    device_document,
    device_from,
    group_document,
    group_from,
)
from adapters.mqtt.provisioning_errors import (
    BadRequest,
    DeviceNotFound,
    DuplicateDevice,
    DuplicateGroup,
    GroupNotFound,
    MismatchedService,
    WrongSyntax,
)
from adapters.mqtt.registry import Registry

DEVICE_LIMIT = 10_000


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
        members = await asyncio.to_thread(changes_from, changes, "body")
        async with self._turn:
            group = self._own_group(scope, resource, apikey)
            for member, current in (("resource", resource), ("apikey", apikey)):
                if changes.get(member, current) != current:
                    raise BadRequest(f"{member} cannot be changed: it identifies the group")
            document = {**group.document, **members}
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
        members = await asyncio.to_thread(changes_from, changes, "body")
        if "device_id" in changes:
            raise BadRequest("device_id cannot be changed: it identifies the device")
        async with self._turn:
            device = self._own_device(scope, device_id, apikey)
            self._refuse_fixed(device)
            if changes.get("apikey", device.apikey) != device.apikey:
                raise BadRequest("apikey cannot be changed: it identifies the device")
            document = {**device.document, **members}
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


def _items(documents: Any, name: str) -> Sequence[Any]:
    if not isinstance(documents, list) or not documents:
        raise WrongSyntax(f'the body should be {{"{name}": [{{…}}]}} with at least one element')
    for index, item in enumerate(documents):
        if not isinstance(item, Mapping):
            raise WrongSyntax(f"{name}[{index}] should be an object")
    return documents
