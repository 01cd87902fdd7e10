"""Leaves a host alone that keeps requests waiting, so that one dead system blocks nobody.

Only time-outs count: a host that refuses a connection at once, or answers with an error, costs
nothing and may be back at any moment.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broker.outbound.errors import CircuitOpen

_HOSTS_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Trouble:
    timeouts: int = 0
    opened: int = 0
    closed_until: float = 0.0


class CircuitBreaker:
    """Per host: after `threshold` time-outs in a row, pauses of 1, 2, 4 … `longest` seconds.

    After a pause one request is let through; if it times out too, the next pause begins.
    """

    def __init__(
        self, *, now: Callable[[], float], threshold: int = 5, longest: float = 60.0
    ) -> None:
        self._now = now
        self._threshold = threshold
        self._longest = longest
        self._troubles: OrderedDict[str, _Trouble] = OrderedDict()

    def check(self, host: str) -> None:
        """Raise CircuitOpen during a pause; otherwise count this request as the one let through."""
        trouble = self._troubles.get(host)
        if trouble is None or trouble.timeouts < self._threshold:
            return
        wait = trouble.closed_until - self._now()
        if wait > 0:
            raise CircuitOpen(
                f"{host} timed out {trouble.timeouts} times in a row;"
                f" the next attempt is made in {wait:.0f} s.",
                retry_after=wait,
            )
        self._pause(trouble)

    def timed_out(self, host: str) -> None:
        """Record that a request to the host timed out."""
        trouble = self._troubles.setdefault(host, _Trouble())
        self._troubles.move_to_end(host)
        trouble.timeouts += 1
        if trouble.timeouts == self._threshold:
            self._pause(trouble)
        if len(self._troubles) > _HOSTS_REMEMBERED:
            self._troubles.popitem(last=False)

    def answered(self, host: str) -> None:
        """Record that the host reacted, in whatever way."""
        self._troubles.pop(host, None)

    def _pause(self, trouble: _Trouble) -> None:
        trouble.closed_until = self._now() + min(2.0**trouble.opened, self._longest)
        trouble.opened += 1
