"""What a simulated device measures at a moment. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from zlib import crc32

from adapters.simulator.settings import DeviceSettings, Signal


def measures(device: DeviceSettings, seconds: float) -> Mapping[str, float | int]:
    """Return the device's values at a time in seconds; the same time gives the same values."""
    phase = crc32(device.topic.encode()) % 1000 / 10_000
    return {
        name: value_at(signal, seconds, phase, Random(f"{device.topic} {name} {seconds}"))  # noqa: S311
        for name, signal in device.values.items()
    }


def value_at(signal: Signal, seconds: float, phase: float, chance: Random) -> float | int:
    """Return one value; `phase` is a share of the period."""
    wave = math.sin(2 * math.pi * (seconds / signal.period + phase))
    value = signal.mean + signal.swing * wave + chance.gauss(0, signal.noise)
    if signal.least is not None:
        value = max(signal.least, value)
    if signal.most is not None:
        value = min(signal.most, value)
    return round(value, signal.digits) if signal.digits > 0 else round(value)
