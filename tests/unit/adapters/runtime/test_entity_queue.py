"""What waits to be written: its order, its bounds, and that each entity is settled once."""

from __future__ import annotations

import asyncio

import pytest

from adapters.runtime.batch import Written
from adapters.runtime.entity_queue import EntityQueue
from adapters.runtime.errors import NotWritten, Rejected
from adapters.runtime.writing import WriterLimits, WriterState


def queue_of(**options):
    once = options.pop("once_a_batch", False)
    state = WriterState()
    return EntityQueue(WriterLimits(**options), state, once_a_batch=once), state


async def put(queue, *ids, body=b"{}"):
    return [await queue.put(one, body) for one in ids]


def ids(items):
    return [one.entity_id for one in items]


async def test_an_entity_is_in_one_batch_at_a_time():
    queue, _ = queue_of(batch_items=2)
    await put(queue, "a", "a", "a", "b")
    first = await queue.take()
    assert ids(first) == ["a", "a"]
    assert ids(await queue.take()) == ["b"]
    waiting = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.release(first)
    assert ids(await waiting) == ["a"]


async def test_where_each_state_is_compared_a_batch_has_an_id_once():
    queue, _ = queue_of(once_a_batch=True)
    await put(queue, "a", "a", "b")
    assert ids(await queue.take()) == ["a", "b"]


async def test_one_entity_larger_than_all_bounds_is_taken_by_itself():
    queue, _ = queue_of(capacity_bytes=10, batch_bytes=10)
    await put(queue, "large", body=b"x" * 100)
    small = asyncio.ensure_future(queue.put("small", b"x"))
    await asyncio.sleep(0)
    assert not small.done()
    [large] = await queue.take()
    queue.settle(large, Written.CREATED)
    await small
    assert ids(await queue.take()) == ["small"]


async def test_what_is_given_up_while_it_is_sent_is_settled_once():
    """One connection ends by a fault; what the others bring home is no second time counted."""
    queue, state = queue_of()
    futures = await put(queue, "a", "b")
    items = await queue.take()
    queue.give_up("a fault")
    for item in items:
        queue.settle(item, Written.CREATED)
    assert state.pending == 0
    for one in futures:
        with pytest.raises(NotWritten, match="a fault"):
            await one


async def test_what_nobody_waits_for_any_more_makes_room_when_it_is_given_up():
    queue, state = queue_of()
    [future] = await put(queue, "a")
    future.cancel()
    queue.give_up("the end")
    assert state.pending == 0


async def test_a_refusal_reaches_who_waits():
    queue, state = queue_of()
    [future] = await put(queue, "a")
    [item] = await queue.take()
    queue.settle(item, Rejected("a", {"detail": "no"}))
    with pytest.raises(Rejected, match="no"):
        await future
    assert state.pending == 0


async def test_who_waits_for_room_is_told_that_there_will_be_none():
    queue, _ = queue_of(capacity=1)
    await put(queue, "a")
    waiting = asyncio.ensure_future(queue.put("b", b"{}"))
    await asyncio.sleep(0)
    queue.close()
    with pytest.raises(NotWritten):
        await waiting
