"""Settings of the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.runtime.settings import Seconds, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One value: a wave around a mean, with noise, within bounds."""

    mean: float = setting(help="the middle of the wave")
    swing: float = setting(0.0, help="how far the wave goes up and down")
    noise: float = setting(0.0, help="standard deviation of the noise")
    period: Seconds = setting(86_400.0, help="length of the wave")
    least: float | None = setting(None, help="smallest value")
    most: float | None = setting(None, help="largest value")
    digits: int = setting(1, help="digits after the point; 0 gives whole numbers")

    def __post_init__(self) -> None:
        if self.period <= 0:
            raise ValueError("period must be more than 0 seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """One device: where it publishes, and its values by their names in the payload."""

    topic: str = setting(help="topic, such as /json/KEY/DEVICE/attrs")
    values: dict[str, Signal] = setting(help="values by name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where, how often, and what is published."""

    url: str = setting("mqtt://127.0.0.1:1883", help="MQTT server")
    every: Seconds = setting(5.0, help="time between two measures of a device")
    devices: list[DeviceSettings] = setting(help="the devices to simulate")

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "mqtt" or not parts.hostname:
            raise ValueError(f"url {self.url!r} should be mqtt://[user:password@]host[:port]")
        if self.every <= 0:
            raise ValueError("every must be more than 0 seconds")
