from __future__ import annotations

import asyncio

import pytest

from broker.contexts.sharing import SharedWork
from broker.model.errors import LdContextNotAvailable


async def test_work_under_way_is_shared_and_finished_work_is_not():
    shared: SharedWork[int] = SharedWork("count")
    started = 0
    go = asyncio.Event()

    async def work():
        nonlocal started
        started += 1
        await go.wait()
        return started

    waiting = [asyncio.ensure_future(shared.result("key", work)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiting) == [1] * 5
    assert await shared.result("key", work) == 2


async def test_keys_are_apart():
    shared: SharedWork[str] = SharedWork("names")

    async def name(text):
        return text

    both = (shared.result(key, lambda key=key: name(key)) for key in "ab")
    assert await asyncio.gather(*both) == ["a", "b"]


async def test_an_error_reaches_all_and_is_not_kept():
    shared: SharedWork[int] = SharedWork("fail")
    attempts = iter([LdContextNotAvailable("away"), None])

    async def work():
        await asyncio.sleep(0)
        error = next(attempts)
        if error:
            raise error
        return 1

    results = await asyncio.gather(
        *(shared.result("key", work) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [LdContextNotAvailable] * 3
    assert await shared.result("key", work) == 1


async def test_work_goes_on_when_who_asked_is_cancelled():
    shared: SharedWork[int] = SharedWork("go on")
    go = asyncio.Event()

    async def work():
        await go.wait()
        return 7

    first = asyncio.ensure_future(shared.result("key", work))
    second = asyncio.ensure_future(shared.result("key", work))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == 7
    with pytest.raises(asyncio.CancelledError):
        await first
