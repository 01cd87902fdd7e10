"""One piece of work for all who need its result at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from broker.model.errors import NgsiLdError
from broker.observability.tasks import spawn

T = TypeVar("T")


class SharedWork(Generic[T]):
    """Work by key: whoever asks while it is under way waits for it instead of starting it again.

    It goes on when those who asked are cancelled, and an NgsiLdError it raises reaches all.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._running: dict[Hashable, asyncio.Task[T | NgsiLdError]] = {}

    async def result(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the work under this key gives; start it unless it is under way."""
        task = self._running.get(key)
        if task is None:
            task = spawn(_caught(work), name=self._name)
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        result = await asyncio.shield(task)
        if isinstance(result, NgsiLdError):
            raise result
        return result


async def _caught(work: Callable[[], Coroutine[Any, Any, T]]) -> T | NgsiLdError:
    try:
        return await work()
    except NgsiLdError as error:
        return error
