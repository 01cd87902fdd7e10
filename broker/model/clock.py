"""Time as the broker writes it: UTC, microseconds, fixed width, so that it compares as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], str]
"""Returns the present time as `YYYY-MM-DDThh:mm:ss.ffffffZ`."""


def system_clock() -> str:
    """Return the present time of the machine (clause 4.6.3)."""
    return format_time(datetime.now(UTC))  # noqa: TID251 - the one place that asks the machine


def format_time(moment: datetime) -> str:
    """Return an aware datetime in the fixed-width form."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"
