"""Settings of the adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.runtime.settings import Seconds, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which file is read, and how often it is looked at."""

    path: Path = setting(help="file of readings: one JSON object a line")
    every: Seconds = setting(1.0, help="time between two looks at the file")
    lines_at_once: int = setting(500, help="lines under way at a time")

    def __post_init__(self) -> None:
        if self.lines_at_once < 1:
            raise ValueError("lines_at_once must be at least 1")
