"""The garbage collector, set for processes that hold much and make few cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THRESHOLDS: Final = (50_000, 10, 10)


def settle_memory() -> None:
    """Take what is held now out of the collector's way, and let it look seldom at what follows.

    For after the start of a process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


@contextmanager
def building_what_stays() -> Iterator[None]:
    """Keep the collector away while something large without cycles is built, and from it later.

    What was built is freed as usual, when nothing refers to it.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
