"""The garbage collector, set for processes that hold much and make few cycles."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (50_000, 10, 10)


def settle_memory() -> None:
    """Take what is held now out of the collector's way, and let it look seldom at what follows.

    For after the start of a process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
