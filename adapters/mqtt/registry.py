"""The device registry in memory: groups and devices by what messages name, and their profiles.

It is the image of the `RegistryStore`; whoever changes one changes the other (`provisioning`).
Groups and devices of the settings file are *fixed*: they are found like the others, but the API
cannot change them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.mqtt.configuration import Device, Group, profile_of
from adapters.mqtt.measure import Unusable
from adapters.mqtt.profile import Profile
from adapters.mqtt.provisioning_errors import DuplicateDevice, DuplicateGroup, WrongSyntax

_EUI = re.compile(r"[0-9A-Fa-f]{16}")
PROFILE_LIMIT = 200_000
DEVICE_LIMIT = 500_000
"""From here on devices nobody provisioned are served, but not entered."""


@dataclass(slots=True)
class Registry:
    """Groups and devices of all tenants; look-ups cost one or two dict accesses."""

    _groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    _devices: dict[tuple[str, str, str, str], Device] = field(default_factory=dict)
    _groups_by_apikey: dict[str, list[Group]] = field(default_factory=lambda: defaultdict(list))
    _devices_by_id: dict[str, list[Device]] = field(default_factory=lambda: defaultdict(list))
    _profiles: dict[str, dict[tuple[str, str], Profile]] = field(default_factory=dict)
    _fixed: set[tuple[str, ...]] = field(default_factory=set)
    _discovered: list[Device] = field(default_factory=list)

    def add_group(self, group: Group, *, fixed: bool = False) -> None:
        """Add a group. Raises `DuplicateGroup` when resource and apikey are taken."""
        if group.key in self._groups:
            raise DuplicateGroup(
                f"a group with resource {group.resource} and apikey {group.apikey} exists already"
            )
        self._groups[group.key] = group
        self._groups_by_apikey[group.apikey].append(group)
        self._profiles.clear()
        if fixed:
            self._fixed.add(group.key)

    def replace_group(self, group: Group) -> None:
        """Put a changed group in the place of the one with its key."""
        self.remove_group(self._groups[group.key])
        self.add_group(group)

    def remove_group(self, group: Group) -> None:
        """Take a group out."""
        del self._groups[group.key]
        self._groups_by_apikey[group.apikey].remove(group)
        self._profiles.clear()

    def add_device(self, device: Device, *, fixed: bool = False) -> None:
        """Add a device. Raises `DuplicateDevice` when service, subservice, apikey, id are taken."""
        if device.key in self._devices:
            raise DuplicateDevice(
                f"a device {device.device_id} with apikey {device.apikey!r} exists already in "
                f"{device.service}{device.subservice}"
            )
        self._devices[device.key] = device
        self._devices_by_id[_comparable(device.device_id)].append(device)
        self._forget_profiles(device.device_id)
        if fixed:
            self._fixed.add(device.key)

    def replace_device(self, device: Device) -> None:
        """Put a changed device in the place of the one with its key."""
        self.remove_device(self._devices[device.key])
        self.add_device(device)

    def remove_device(self, device: Device) -> None:
        """Take a device out."""
        del self._devices[device.key]
        self._devices_by_id[_comparable(device.device_id)].remove(device)
        self._forget_profiles(device.device_id)

    def is_fixed(self, item: Group | Device) -> bool:
        """Say whether a group or device is one of the settings file."""
        return item.key in self._fixed

    def group(self, resource: str, apikey: str) -> Group | None:
        """Return the group with this key."""
        return self._groups.get((resource, apikey))

    def groups(self, service: str, subservice: str | None = None) -> list[Group]:
        """Return the groups of a service, or of one of its subservices."""
        return [
            group
            for group in self._groups.values()
            if group.service == service and subservice in (None, group.subservice)
        ]

    def devices(self, service: str, subservice: str | None = None) -> list[Device]:
        """Return the devices of a service, or of one of its subservices."""
        return [
            device
            for device in self._devices.values()
            if device.service == service and subservice in (None, device.subservice)
        ]

    def devices_named(
        self, device_id: str, service: str, subservice: str, apikey: str | None = None
    ) -> list[Device]:
        """Return the devices with this id in a subservice; several differ in their apikey."""
        return [
            device
            for device in self._devices_by_id.get(_comparable(device_id), ())
            if (device.service, device.subservice) == (service, subservice)
            and device.device_id == device_id
            and apikey in (None, device.apikey)
        ]

    def group_for(self, apikey: str, resource: str) -> Group | None:
        """Return the group of an apikey: that of the resource, else the only one there is.

        Raises `Unusable` when there are several and none of the resource.
        """
        exact = self._groups.get((resource, apikey))
        if exact is not None:
            return exact
        candidates = self._groups_by_apikey.get(apikey, ())
        if len(candidates) > 1:
            resources = ", ".join(group.resource for group in candidates)
            raise Unusable(
                f"several groups have the apikey {apikey} ({resources}), none of them the "
                f"resource {resource or 'of this topic'}"
            )
        return candidates[0] if candidates else None

    def profile(self, apikey: str, resource: str, device_id: str) -> Profile:
        """Return the profile of the device a message names.

        Raises `Unusable` for an unknown apikey or device, and for a group that admits only
        provisioned devices.
        """
        known = self._profiles.get(device_id)
        found = known.get((apikey, resource)) if known else None
        if found is None:
            found = self._new_profile(apikey, resource, device_id)
            if len(self._profiles) >= PROFILE_LIMIT:
                self._profiles.clear()
            self._profiles.setdefault(device_id, {})[apikey, resource] = found
        return found

    def profile_of(self, device: Device) -> Profile:
        """Return the profile of a device of the registry."""
        groups = self._groups_by_apikey.get(device.apikey, ())
        group = next((one for one in groups if one.service == device.service), None)
        return profile_of(group, device, device.device_id)

    def _new_profile(self, apikey: str, resource: str, device_id: str) -> Profile:
        group = self.group_for(apikey, resource)
        device = self._device_for(apikey, device_id, group)
        if device is None:
            self._discover(apikey, device_id, group)
        try:
            return profile_of(group, device, device.device_id if device else device_id)
        except WrongSyntax as error:
            raise Unusable(f"the configuration of {device_id!r}: {error.message}") from error

    def _discover(self, apikey: str, device_id: str, group: Group | None) -> None:
        """Enter a device nobody provisioned, if its group takes such devices."""
        if group is None:
            raise Unusable(
                f"no group has the apikey {apikey!r} and no device {device_id!r} is provisioned "
                "for it; create one with POST /iot/groups or /iot/devices"
            )
        if group.document.get("autoprovision") is False:
            raise Unusable(
                f"the device {device_id!r} is not provisioned and its group ({apikey}) has "
                "autoprovision false"
            )
        if len(self._devices) < DEVICE_LIMIT:
            device = Device(group.service, group.subservice, group.apikey, device_id, {})
            self._devices[device.key] = device
            self._devices_by_id[_comparable(device_id)].append(device)
            self._discovered.append(device)

    def take_discovered(self) -> list[Device]:
        """Return the devices discovered since the last call and still there, to be stored."""
        found, self._discovered = self._discovered, []
        return [device for device in found if self._devices.get(device.key) is device]

    def _device_for(self, apikey: str, device_id: str, group: Group | None) -> Device | None:
        candidates = [
            device
            for device in self._devices_by_id.get(_comparable(device_id), ())
            if device.apikey in (apikey, "")
            and (
                group is None
                or (device.service, device.subservice) == (group.service, group.subservice)
            )
        ]
        exact = [device for device in candidates if device.apikey == apikey] or candidates
        if len(exact) > 1:
            places = ", ".join(f"{device.service}{device.subservice}" for device in exact)
            raise Unusable(
                f"the device {device_id!r} with apikey {apikey!r} exists in {places}; give each "
                "an apikey of its own"
            )
        return exact[0] if exact else None

    def _forget_profiles(self, device_id: str) -> None:
        self._profiles.pop(device_id, None)
        self._profiles.pop(_comparable(device_id), None)

    def fill(self, groups: Iterable[Group], devices: Iterable[Device]) -> None:
        """Add what the store holds; what the settings file has defined comes first."""
        for group in groups:
            if group.key not in self._groups:
                self.add_group(group)
        for device in devices:
            if device.key not in self._devices:
                self.add_device(device)


def _comparable(device_id: str) -> str:
    """Return the id as it is compared: EUIs are written in either case."""
    return device_id.lower() if _EUI.fullmatch(device_id) else device_id
