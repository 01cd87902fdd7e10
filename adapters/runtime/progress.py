"""Says in the log what adapters have done: soon after they begin, then once a minute at most."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from adapters.runtime.health import Health

log = logging.getLogger(__name__)
LOOK_EVERY = 3.0
SAY_EVERY = 60.0


class Progress:
    """Remembers what was said last about each adapter."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, float]] = {}

    def say(self, healths: Iterable[Health], now: float) -> None:
        """Log what changed; `now` is in seconds of any clock that only goes forward."""
        for health in healths:
            text = ", ".join(f"{n} {what}" for what, n in sorted(health.counters.items()))
            before, at = self._said.get(health.name, ("", now - SAY_EVERY))
            if text != before and now - at >= SAY_EVERY:
                self._said[health.name] = (text, now)
                log.info("%s: %s", health.name, text, extra={"adapter": health.name})
