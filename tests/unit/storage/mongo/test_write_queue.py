"""When a group is due, and what it takes."""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest

from broker.model.errors import Overloaded
from broker.observability.tasks import spawn
from broker.storage.mongo.write_queue import WriteQueue
from tests.patience import PATIENCE


def operation(current, now):
    raise AssertionError("a queue applies nothing")


def writes(*ids):
    return [(entity_id, operation) for entity_id in ids]


def ids(group):
    return [write.entity_id for write in group]


@pytest.fixture
def queue():
    return WriteQueue(limit=100, group_limit=10)


async def test_nobody_waits_in_an_empty_queue(queue):
    assert [group async for group in queue.groups()] == []


async def test_a_lone_write_is_a_group_at_once(queue):
    queue.enter(writes("a"))
    turns = 0

    async def count_turns():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = spawn(count_turns(), name="turns")
    groups = queue.groups()
    assert ids(await anext(groups)) == ["a"]
    counting.cancel()
    assert turns < 6
    assert [group async for group in groups] == []


async def test_requests_that_are_there_join(queue):
    async def request(entity_id, turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        queue.enter(writes(entity_id))

    tasks = [spawn(request(str(n), turns=n), name="request") for n in range(5)]
    queue.enter(writes("first"))
    assert ids(await anext(queue.groups())) == ["first", "0", "1", "2", "3", "4"]
    await asyncio.gather(*tasks)


async def test_the_next_group_waits_for_those_who_were_answered(queue):
    for entity_id in "abc":
        queue.enter(writes(entity_id))
    groups = queue.groups()
    await anext(groups)
    await asyncio.sleep(0.2)
    queue.enter(writes("early"))
    following = spawn(anext(groups), name="group")
    for entity_id in "abc":
        await asyncio.sleep(0.005)
        assert not following.done()
        queue.enter(writes(entity_id))
    assert ids(await following) == ["early", "a", "b", "c"]


async def test_it_waits_no_longer_than_a_part_of_what_the_last_group_took(queue):
    for entity_id in "abc":
        queue.enter(writes(entity_id))
    groups = queue.groups()
    await anext(groups)
    await asyncio.sleep(0.2)
    queue.enter(writes("d"))
    started = perf_counter()
    assert ids(await anext(groups)) == ["d"]
    assert perf_counter() - started >= 0.05


async def test_nobody_is_waited_for_when_nobody_waits(queue):
    queue.enter(writes("a"))
    groups = queue.groups()
    await anext(groups)
    await asyncio.sleep(5 * 0.01)
    async with asyncio.timeout(PATIENCE):
        assert [group async for group in groups] == []


async def test_a_group_takes_no_more_than_it_may_and_waits_for_nobody_then(queue):
    queue.enter(writes(*[str(n) for n in range(25)]))
    taken = [ids(group) async for group in queue.groups()]
    assert [len(group) for group in taken] == [10, 10, 5]
    assert [one for group in taken for one in group] == [str(n) for n in range(25)]
    assert len(queue) == 0


async def test_each_write_keeps_its_token(queue):
    queue.enter(writes("a", "b"), ["t/0", None])
    queue.enter(writes("c"))
    group = await anext(queue.groups())
    assert [write.token for write in group] == ["t/0", None, None]


async def test_a_full_queue_takes_nothing_of_what_is_too_much():
    queue = WriteQueue(limit=2, group_limit=10)
    queue.enter(writes("a"))
    with pytest.raises(Overloaded):
        queue.enter(writes("b", "c"))
    assert len(queue) == 1


async def test_who_takes_the_groups_is_still_there_for_those_who_return_a_little_later(
    queue, monkeypatch
):
    monkeypatch.setattr(f"{WriteQueue.__module__}.LINGERING", PATIENCE)
    for entity_id in "abc":
        queue.enter(writes(entity_id))
    groups = queue.groups()
    await anext(groups)
    await asyncio.sleep(0.5)
    following = spawn(anext(groups), name="group")
    for entity_id in "abc":
        await asyncio.sleep(0.005)
        assert not following.done()
        queue.enter(writes(entity_id))
    assert ids(await following) == ["a", "b", "c"]


async def test_a_write_that_comes_long_after_the_last_one_waits_for_nobody(queue, monkeypatch):
    monkeypatch.setattr(f"{WriteQueue.__module__}.LINGERING", PATIENCE)
    for entity_id in "ab":
        queue.enter(writes(entity_id))
    groups = queue.groups()
    await anext(groups)
    following = spawn(anext(groups), name="group")
    await asyncio.sleep(0.02)
    queue.enter(writes("a"))
    for _ in range(6):
        await asyncio.sleep(0)
    assert ids(following.result()) == ["a"]


async def test_a_write_that_comes_as_nobody_is_waited_for_any_more_is_taken(queue, monkeypatch):
    monkeypatch.setattr(f"{WriteQueue.__module__}.LINGERING", 0.0)
    queue.enter(writes("a"))
    groups = queue.groups()
    await anext(groups)
    following = spawn(anext(groups), name="group")
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0, queue.enter, writes("late"))
    assert ids(await following) == ["late"]
