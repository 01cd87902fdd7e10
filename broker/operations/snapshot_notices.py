"""Notifications about the status of snapshots (clauses 5.3.4, 5.16.6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import orjson

from broker.contexts.core import CORE_CONTEXT_URL
from broker.contexts.link import context_link
from broker.model.clock import Clock
from broker.model.snapshot import Snapshot
from broker.model.subscription import Endpoint
from broker.storage.snapshots import SnapshotWork
from broker.subscriptions.senders.sender import Message, Sender

log = logging.getLogger(__name__)

_PAUSES = (1.0, 2.0, 4.0, 8.0)

Present = Callable[[Snapshot], Mapping[str, Any]]
"""Returns a snapshot as clients see it (5.2.41)."""


class SnapshotNotices:
    """Sends them to the endpoint of the snapshot."""

    def __init__(
        self,
        *,
        work: SnapshotWork,
        sender: Sender,
        present: Present,
        clock: Clock,
    ) -> None:
        self._work = work
        self._sender = sender
        self._present = present
        self._clock = clock

    async def notify(self, snapshot: Snapshot) -> None:
        """Notify the present version; give up after some attempts. Raises DatabaseUnavailable."""
        if snapshot.endpoint is not None:
            await self._send(
                snapshot, Endpoint(snapshot.endpoint, receiver_info=snapshot.receiver_info)
            )
        await self._work.notified(snapshot)

    async def _send(self, snapshot: Snapshot, endpoint: Endpoint) -> None:
        pauses = iter(_PAUSES)
        while True:
            outcome = await self._sender.send(endpoint, self._message(snapshot))
            if outcome.failure is None:
                return
            pause = next(pauses, None)
            if outcome.verdict == "rejected" or pause is None:
                break
            await asyncio.sleep(pause)
        log.warning(
            "the notification of a snapshot was given up: %s",
            outcome.failure,
            extra={"snapshot": snapshot.id, "endpoint": snapshot.endpoint},
        )

    def _message(self, snapshot: Snapshot) -> Message:
        shown = self._present(snapshot)
        body = {
            "id": f"urn:ngsi-ld:Notification:{uuid4()}",
            "type": "SnapshotNotification",
            "expiresAt": snapshot.expires_at,
            "notifiedAt": self._clock(),
            "snapshotId": snapshot.id,
            "snapshotPriority": snapshot.priority,
            "snapshotStatus": snapshot.status,
        }
        for name, member in (
            ("snapshotQueriesDetails", "snapshotQueriesDetails"),
            ("temporalSnapshotQueriesDetails", "snapshotTemporalQueriesDetails"),
        ):
            if member in shown:
                body[name] = shown[member]
        return Message(
            orjson.dumps(body), "application/json", context_link(CORE_CONTEXT_URL), snapshot.tenant
        )
