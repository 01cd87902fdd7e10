"""Looks after snapshots in the background: fills them, notifies, removes them when their time has
come (clauses 5.5.15, 5.16.1.4, 5.16.6).

Everything there is to do stands in the database, so it is done after a crash as well: the snapshot
that was being filled is claimed again, emptied and filled from the start. One that ends three
processes in a row has failed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.model.snapshot import ExecutionDetails, Snapshot
from broker.model.spaces import key_of
from broker.observability.tasks import end, pause, rest_after, spawn
from broker.operations.snapshot_filling import SnapshotFilling
from broker.operations.snapshot_notices import SnapshotNotices
from broker.storage.snapshots import SnapshotContents, SnapshotWork

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_MOST_ATTEMPTS = 3
_EXTEND_SECONDS = 5.0
_SWEEP_SECONDS = 60.0
_GIVEN_UP = ExecutionDetails(
    "failure", "InternalError", "the broker was stopped each time while it filled the snapshot"
)


class SnapshotAbandoned(Exception):
    """A snapshot that is being filled was deleted, or another process has taken it over."""


class SnapshotKeeper:
    """A part of the engine; several in one installation share the work."""

    def __init__(
        self,
        *,
        work: SnapshotWork,
        contents: SnapshotContents,
        filling: SnapshotFilling,
        notices: SnapshotNotices,
        clock: Clock,
        at_once: int = 2,
    ) -> None:
        self._work = work
        self._contents = contents
        self._filling = filling
        self._notices = notices
        self._clock = clock
        self._at_once = at_once
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._filled: set[str] = set()
        self._swept = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is being filled then is filled again later."""
        try:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    await self.look()
                except NgsiLdError as error:
                    log.warning("snapshots cannot be looked after yet: %s", error.detail)
                await pause(stop, rest_after(time.monotonic() - began, _LOOK_SECONDS))
        finally:
            await end(*self._tasks.values())

    async def look(self) -> None:
        """Begin with what there is to do."""
        now = self._clock()
        # What is at work now may end while the database is read: what was read of it is old then.
        at_work = set(self._tasks)
        for snapshot in await self._work.due(now):
            if snapshot.is_live and snapshot.expires_at <= now:
                await self._work.expire(snapshot, now)
            elif snapshot.key in self._filled and not snapshot.is_live:
                self._tasks[snapshot.key].cancel()
            elif snapshot.key not in at_work:
                self._begin(snapshot)
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            await self._sweep()

    def _begin(self, snapshot: Snapshot) -> None:
        if not snapshot.is_live:
            self._start(snapshot, self._bury(snapshot))
        elif snapshot.status != "preparing":
            self._start(snapshot, self._notices.notify(snapshot))
        elif len(self._filled) < self._at_once:
            self._filled.add(snapshot.key)
            self._start(snapshot, self._prepare(snapshot))

    def _start(self, snapshot: Snapshot, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[snapshot.key] = spawn(
            self._finish(snapshot, work), name=f"snapshot {snapshot.id}"
        )

    async def _finish(self, snapshot: Snapshot, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except NgsiLdError as error:
            log.warning("a snapshot has to wait: %s", error.detail, extra={"snapshot": snapshot.id})
            await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._filled.discard(snapshot.key)
            del self._tasks[snapshot.key]

    async def _prepare(self, snapshot: Snapshot) -> None:
        source = await self._work.source_of(snapshot) if snapshot.source else None
        if source is not None and source.status == "preparing":
            return
        attempt = await self._work.claim(snapshot)
        if attempt is None:
            return
        try:
            if attempt > _MOST_ATTEMPTS:
                filled = self._given_up(snapshot)
            else:
                keep = _Claim(self._work, snapshot).keep
                if snapshot.source:
                    filled = await self._filling.clone(snapshot, source, keep)
                else:
                    filled = await self._filling.fill(snapshot, keep)
        except SnapshotAbandoned:
            log.info("a snapshot was deleted while it was filled", extra={"snapshot": snapshot.id})
            return
        if await self._work.finish(filled):
            log.info(
                "a snapshot is ready", extra={"snapshot": snapshot.id, "status": filled.status}
            )

    def _given_up(self, snapshot: Snapshot) -> Snapshot:
        return snapshot.evolve(
            status="failure",
            details=tuple(_GIVEN_UP for _ in snapshot.queries),
            temporal_details=tuple(_GIVEN_UP for _ in snapshot.temporal_queries),
            modified_at=self._clock(),
        )

    async def _bury(self, snapshot: Snapshot) -> None:
        """Remove the space of a snapshot that was deleted, and tell who wants to know."""
        await self._contents.drop(snapshot.space)
        if snapshot.has_notice:
            await self._notices.notify(snapshot)
        await self._work.remove(snapshot)

    async def _sweep(self) -> None:
        """Remove spaces that no snapshot has any more: who filled them was too late to know."""
        spaces = await self._contents.spaces()
        if not spaces:
            return
        keys = await self._work.keys()
        for space in spaces:
            if key_of(space) not in keys:
                log.warning("a space without a snapshot is removed", extra={"space": space})
                await self._contents.drop(space)


class _Claim:
    """Keeps the claim on a snapshot while it is filled."""

    def __init__(self, work: SnapshotWork, snapshot: Snapshot) -> None:
        self._work = work
        self._snapshot = snapshot
        self._extended = time.monotonic()

    async def keep(self) -> None:
        """Extend the claim now and then; raises SnapshotAbandoned if it is lost."""
        if time.monotonic() - self._extended < _EXTEND_SECONDS:
            return
        if not await self._work.extend(self._snapshot):
            raise SnapshotAbandoned
        self._extended = time.monotonic()
