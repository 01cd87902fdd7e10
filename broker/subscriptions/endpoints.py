"""What is known of an endpoint: whether it answers, and when to try again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses between attempts, in seconds: `first`, doubled up to `longest`, with jitter.

    `requests_at_once` bounds what goes to one endpoint at the same time, while it answers.
    """

    first: float = 0.5
    longest: float = 120.0
    requests_at_once: int = 8

    def pause(self, failures: int) -> float:
        """Return how long to wait after a number of failures in a row."""
        whole: float = min(self.first * 2.0 ** min(failures - 1, 30), self.longest)
        return whole * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret


class EndpointState:
    """One endpoint URI, shared by all subscriptions that notify it.

    After a failure nobody sends before the pause is over; then one request is tried while the
    others wait, and only when it succeeds do all go on.
    """

    def __init__(self, policy: RetryPolicy, *, now: Callable[[], float]) -> None:
        self._policy = policy
        self._now = now
        self._slots = asyncio.Semaphore(policy.requests_at_once)
        self._probe = asyncio.Lock()
        self._failures = 0
        self._closed_until = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def wait(self) -> float:
        """The seconds until an attempt may be made."""
        return max(0.0, self._closed_until - self._now())

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait until it is one's turn to send; check `wait` again before sending."""
        async with self._probe if self.is_failing else self._slots:
            yield

    def succeeded(self) -> None:
        """Record that a notification was taken."""
        self._failures = 0
        self._closed_until = 0.0

    def failed(self, *, retry_after: float | None, cooldown: float | None) -> None:
        """Record a failure; the pause is at least as long as endpoint and subscription ask."""
        if self.wait > 0:  # requests that were under way together count once
            return
        self._failures += 1
        pause = max(self._policy.pause(self._failures), retry_after or 0.0, cooldown or 0.0)
        self._closed_until = self._now() + pause


class Endpoints:
    """The states of all endpoints that were notified; too many are forgotten at once."""

    def __init__(self, policy: RetryPolicy, *, now: Callable[[], float]) -> None:
        self._policy = policy
        self._now = now
        self._states: dict[str, EndpointState] = {}

    def state(self, uri: str) -> EndpointState:
        """Return what is known of an endpoint."""
        state = self._states.get(uri)
        if state is None:
            if len(self._states) >= _MOST_REMEMBERED:
                self._states.clear()
            state = self._states[uri] = EndpointState(self._policy, now=self._now)
        return state
