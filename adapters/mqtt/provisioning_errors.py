"""Errors of the provisioning API, in the form the IoT Agents answer: a name and a message."""

from __future__ import annotations


class ProvisioningError(Exception):
    """Base. `name` is the IoT Agents' name of the error, `status` its HTTP status."""

    name = "BAD_REQUEST"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WrongSyntax(ProvisioningError):
    """The body, or a part of it, is not what it should be."""

    name = "WRONG_SYNTAX"


class MissingHeaders(ProvisioningError):
    """fiware-service or fiware-servicepath is missing or malformed."""

    name = "MISSING_HEADERS"


class MissingAttributes(ProvisioningError):
    """A mandatory member is missing."""

    name = "MISSING_ATTRIBUTES"


class BadRequest(ProvisioningError):
    """The request asks for what cannot be done."""

    name = "BAD_REQUEST"


class DuplicateGroup(ProvisioningError):
    """A group with this resource and apikey exists."""

    name = "DUPLICATE_GROUP"
    status = 409


class DuplicateDevice(ProvisioningError):
    """A device with this id, apikey, service and subservice exists."""

    name = "DUPLICATE_DEVICE_ID"
    status = 409


class GroupNotFound(ProvisioningError):
    """No group has this resource and apikey."""

    name = "DEVICE_GROUP_NOT_FOUND"
    status = 404


class DeviceNotFound(ProvisioningError):
    """No device has this id."""

    name = "DEVICE_NOT_FOUND"
    status = 404


class MismatchedService(ProvisioningError):
    """The group belongs to another service or subservice."""

    name = "MISMATCHED_SERVICE"
    status = 403
