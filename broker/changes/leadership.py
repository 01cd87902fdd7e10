"""One process of the installation leads at a time: it holds a lease in the database.

The lease is extended at a third of its time. A leader that is to stop has as long to end. One that
could not extend it stops by its own
monotonic clock before anybody else may take over, so that two never lead at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from broker.model.errors import NgsiLdError
from broker.observability.metrics import ENGINE_LEADER
from broker.observability.tasks import end, pause, spawn
from broker.storage.feed import Lease

log = logging.getLogger(__name__)

Lead = Callable[[int, asyncio.Event], Awaitable[None]]
"""Does the leader's work in a term until the event is set; cancelled when the lease is lost."""

_SAFETY = 0.8


class Leadership:
    """Waits for the lease, leads while it is held, and waits again."""

    def __init__(self, lease: Lease, *, seconds: float, monotonic: Callable[[], float]) -> None:
        self._lease = lease
        self._seconds = seconds
        self._monotonic = monotonic
        self._valid_until = 0.0
        self.is_leader = False

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can lead now, as far as this process's own clock tells.

        One that was halted for a while (a paused machine) does not know yet that it was replaced.
        """
        return self.is_leader and self._monotonic() < self._valid_until

    async def run(self, lead: Lead, stop: asyncio.Event) -> None:
        """Lead whenever possible until `stop` is set."""
        while not stop.is_set():
            term = await self._acquire()
            if term is None:
                await pause(stop, self._seconds / 5)
                continue
            log.info("leading", extra={"term": term})
            self.is_leader = True
            ENGINE_LEADER.set(1)
            try:
                await self._hold(term, lead, stop)
            finally:
                self.is_leader = False
                ENGINE_LEADER.set(0)
        await self._release()

    async def _hold(self, term: int, lead: Lead, stop: asyncio.Event) -> None:
        """Lead and extend the lease until either ends."""
        work = spawn(_run(lead, term, stop), name="leader")
        try:
            while not work.done():
                is_ending = stop.is_set()
                await asyncio.wait({work}, timeout=self._seconds / 3)
                if not work.done() and (is_ending or not await self._extend(term)):
                    log.warning("the leader is stopped", extra={"term": term})
                    return
            if not stop.is_set():  # it failed, and said so: not at once again
                await pause(stop, 1.0)
        finally:
            await end(work)

    async def _extend(self, term: int) -> bool:
        """Extend the lease; false if it is lost."""
        while True:
            if await self._acquire() == term:
                return True
            if self._monotonic() >= self._valid_until:
                return False
            await asyncio.sleep(self._seconds / 20)

    async def _acquire(self) -> int | None:
        asked_at = self._monotonic()
        try:
            async with asyncio.timeout(self._seconds / 3):
                term = await self._lease.acquire()
        except (NgsiLdError, TimeoutError) as error:
            reason = str(error) or "the database does not answer"
            log.warning("the lease cannot be asked for: %s", reason)
            return None
        if term is not None:
            self._valid_until = asked_at + self._seconds * _SAFETY
        else:
            self._valid_until = 0.0
        return term

    async def _release(self) -> None:
        try:
            await self._lease.release()
        except NgsiLdError:
            log.info("the lease could not be given back; it runs out by itself")


async def _run(lead: Lead, term: int, stop: asyncio.Event) -> None:
    await lead(term, stop)
