"""Background tasks whose reference is kept and whose failure is logged, and their pauses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_TOLD_AGAIN = 5.0
_REST_FOR_WORK = 9.0
_LONGEST_REST = 15.0
log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Start a task and return it; the reference is kept here, an exception in it is logged."""
    task = asyncio.create_task(work, name=name)  # noqa: TID251 - the one place that starts tasks
    _running.add(task)
    task.add_done_callback(_finished)
    return task


def run_in_background(work: Coroutine[Any, Any, Any], *, name: str) -> None:
    """Start a task that ends by itself and that nobody waits for."""
    _ = spawn(work, name=name)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Return after some seconds, or as soon as `stop` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def rest_after(worked: float, every: float) -> float:
    """Return how long to pause between looks of which the last took so many seconds.

    It is `every` seconds, and more (15 at most, as one may have taken long for other reasons) where
    that would leave the looks more than a tenth of the time.
    """
    return max(every, min(_REST_FOR_WORK * worked, _LONGEST_REST))


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and return when all of them have ended, whatever came of them.

    They have five seconds to clean up before they are told again: `asyncio.wait_for` of Python
    3.11, which the database driver uses, loses a cancellation that comes with its result.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_TOLD_AGAIN)


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background task failed", extra={"task": task.get_name()}, exc_info=error)
