"""What keeps an embedded service from starting."""

from __future__ import annotations


class EmbeddedServiceError(Exception):
    """A private mongod or MQTT broker cannot run; the message says why and what to do about it."""


class DataDirectoryInUse(EmbeddedServiceError):
    """Another running process holds the data directory."""


class PortTaken(EmbeddedServiceError):
    """The address the service should listen on belongs to another process."""
