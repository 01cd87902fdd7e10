"""Tasks that are told to end do, even where the first word is lost."""

from __future__ import annotations

import asyncio

from broker.observability import tasks
from broker.observability.tasks import end, spawn
from tests.patience import PATIENCE


async def test_tasks_have_ended_whatever_came_of_them():
    async def fails():
        raise ValueError

    async def cleans_up():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append(True)

    cleaned: list[bool] = []
    running = [spawn(fails(), name="fails"), spawn(cleans_up(), name="cleans up")]
    await asyncio.sleep(0)
    await end(*running)
    assert all(task.done() for task in running)
    assert cleaned == [True]


async def test_one_that_lost_its_cancellation_is_told_again(monkeypatch):
    async def swallows():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                heard.append(True)
                if len(heard) == 2:
                    raise

    heard: list[bool] = []
    monkeypatch.setattr(tasks, "_TOLD_AGAIN", 0.05)
    running = spawn(swallows(), name="swallows")
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await end(running)
    assert running.cancelled()
    assert heard == [True, True]


async def test_nothing_is_ended_at_once():
    other = spawn(asyncio.sleep(60), name="another")
    async with asyncio.timeout(PATIENCE):
        await end()
    assert not other.done()
    await end(other)
