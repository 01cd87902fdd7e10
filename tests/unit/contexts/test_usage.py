"""Uses of @contexts are counted soon where there are few, in few writes where there are many."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from broker.contexts.usage import UseCounter

HEAVY = 2_000


class Counts:
    """The part of a store that takes counts."""

    def __init__(self):
        self.hits = Counter()
        self.writes = 0

    async def count_uses(self, uses, at):
        self.writes += 1
        self.hits.update(uses)


async def all_counted(counts, hits):
    async with asyncio.timeout(20):
        while counts.hits.total() < hits:
            await asyncio.sleep(0.001)


async def test_uses_one_by_one_are_each_written():
    counts = Counts()
    counter = UseCounter(counts, clock=lambda: "now")
    for number in range(1, 6):
        counter.count("", ("urn:c",))
        await all_counted(counts, number)
    assert counts.hits == {("", "urn:c"): 5}
    assert counts.writes == 5


@pytest.mark.parametrize("counts_hits", [True, False])
async def test_many_uses_take_few_writes(counts_hits):
    counts = Counts()
    counter = UseCounter(counts, clock=lambda: "now", counts_hits=counts_hits)
    for _ in range(HEAVY // 20):
        for _ in range(20):
            counter.count("", ("urn:c",))
        await asyncio.sleep(0)
    await counter.flush()
    assert counts.hits.total() == (HEAVY if counts_hits else 0)
    assert counts.writes < HEAVY / 100
