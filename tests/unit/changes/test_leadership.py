"""A leader that cannot extend its lease has stopped before anybody else may take over."""

from __future__ import annotations

import asyncio

from broker.changes.leadership import Leadership
from broker.model.errors import DatabaseUnavailable
from tests.patience import PATIENCE

SECONDS = 0.3


class LeaseOnce:
    """A lease that is given once; then the database is away, and time passes with each question."""

    def __init__(self) -> None:
        self.now = 0.0
        self.is_given = False

    async def acquire(self) -> int | None:
        """Give the first term, or fail."""
        if self.is_given:
            self.now += SECONDS / 10
            raise DatabaseUnavailable("away")
        self.is_given = True
        return 1

    async def release(self) -> None:
        """Do nothing."""


async def test_a_leader_whose_lease_runs_out_stops_before_its_end() -> None:
    lease, stop = LeaseOnce(), asyncio.Event()
    leadership = Leadership(lease, seconds=SECONDS, monotonic=lambda: lease.now)
    ended: list[float] = []

    async def lead(term: int, _stop: asyncio.Event) -> None:
        assert term == 1
        assert leadership.is_sure
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(lease.now)
            stop.set()

    async with asyncio.timeout(PATIENCE):
        await leadership.run(lead, stop)
    assert not leadership.is_leader
    assert not leadership.is_sure
    assert len(ended) == 1
    assert 0 < ended[0] < SECONDS


async def test_a_leader_that_was_halted_is_not_sure_any_more() -> None:
    lease, stop = LeaseOnce(), asyncio.Event()
    leadership = Leadership(lease, seconds=SECONDS, monotonic=lambda: lease.now)
    sure: list[bool] = []

    async def lead(_term: int, _stop: asyncio.Event) -> None:
        sure.append(leadership.is_sure)
        lease.now += SECONDS
        sure.append(leadership.is_sure)
        stop.set()

    async with asyncio.timeout(PATIENCE):
        await leadership.run(lead, stop)
    assert sure == [True, False]
