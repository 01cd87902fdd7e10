"""All faults of a configuration at once, instead of the first one only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.runtime.errors import Misconfigured


class Faults:
    """Collects what several checks complain of.

    Example::

        faults = Faults()
        for one in many:
            with faults.collected():
                check(one)
        faults.raise_if_any()
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    @contextmanager
    def collected(self, place: str = "") -> Iterator[None]:
        """Keep the `Misconfigured` of the block, every line with `place` before it, and go on."""
        try:
            yield
        except Misconfigured as error:
            lines = error.detail.splitlines()
            self._lines += [f"{place}: {line}" if place else line for line in lines]

    def raise_if_any(self) -> None:
        """Raise `Misconfigured` with everything that was collected, one fault a line."""
        if self._lines:
            raise Misconfigured("\n".join(dict.fromkeys(self._lines)))
