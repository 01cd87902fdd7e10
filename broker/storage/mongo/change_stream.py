"""The change feed on a MongoDB change stream over all databases of the installation.

The stream is read with plain commands rather than the driver's cursor, which hands out one event
at a time and hides where a batch ends: a batch here is what one reply of the server holds, so a
quiet stream is passed on at once and a busy one in large pieces.

The changes of a tenant without subscriptions concern nobody, and they would cost the server and
the engine a fifth of what the whole write does: the stream leaves them out. Subscriptions
of all tenants are in it. With a tenant's first one the batch ends, and the stream goes on right
after it with this tenant's changes, so that none that follows a subscription is missed. A stream
goes on only behind an event that is in it, so a tenant that has no subscriptions any more is left
out when the place has moved on from its changes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure, PyMongoError

from broker.model.changes import Change
from broker.model.clock import format_time
from broker.model.entity import Entity
from broker.storage.feed import (
    EntityChanged,
    FeedBatch,
    FeedEvent,
    OpenedFeed,
    Position,
    SubscriptionRemoved,
    SubscriptionStored,
    TenantDropped,
)
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.documents import decode_change, decode_entity, records_between
from broker.storage.mongo.errors import translated
from broker.storage.mongo.lives import group_before, records_after
from broker.storage.mongo.subscriptions import decode_subscription

log = logging.getLogger(__name__)

_HISTORY_LOST = frozenset({280, 286})
_EVENTS_A_BATCH = 500
_WAIT_MS = 1_000
_CURSOR = "$cmd.aggregate"
_ENDING = frozenset({"delete", "dropDatabase"})
_EVERYBODY: Final = None
"""In the place of the databases of tenants whose changes are in the stream."""
_MARGIN = timedelta(seconds=10)
_CLOCKS_APART = timedelta(days=1)
"""By how much the clocks of those who write may differ, or be set back. It keeps former lives of an
entity, with all their versions, out of what is read."""
_WRITTEN = [("at", 1), ("q", 1), ("v", 1)]
"""The order in which changes were written; the places of records are none, as a server that was
killed puts back several at a time."""


class MongoChangeSource:
    """Implements `broker.storage.feed.ChangeSource`."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._admin = databases.client["admin"]
        self._session: AsyncClientSession | None = None
        self._cursor_id = 0
        self._first: Document | None = None
        self._position = Position("", "")
        self._quiet_until = ""
        # Databases: who has subscriptions; whose changes the stream lets through; of whose change
        # the position is the place ("": nobody's, None: not known); who deleted a subscription.
        self._heard: frozenset[str] = frozenset()
        self._admitted: frozenset[str] | None = frozenset()
        self._rests_on: str | None = ""
        self._ended: set[str] = set()

    async def open(self, after: Position | None) -> OpenedFeed:
        """Start right after a position (None, or a position that is lost: now)."""
        await self.close()
        with translated():
            # Before it is known who subscribed: a later subscription then lies in the stream.
            now: Timestamp = (await self._admin.command("ping"))["operationTime"]
            self._heard = await self._subscribed()
            if after is not None:
                try:
                    await self._resume(after, _EVERYBODY)
                    self._rests_on = None
                except OperationFailure as error:
                    if error.code not in _HISTORY_LOST:
                        raise
                    log.warning("the change stream no longer reaches back to the last position")
                else:
                    return OpenedFeed(self._position, is_complete=True, at=_time(now))
            await self._aggregate({"startAtOperationTime": now}, _time(now), self._heard)
            self._rests_on = ""
        return OpenedFeed(self._position, is_complete=after is None, at=_time(now))

    async def read(self) -> FeedBatch:
        """Return what comes next; after about a second without any, an empty batch."""
        cursor, self._first = self._first, None
        if cursor is None or not cursor["nextBatch"]:
            with translated():
                cursor = await self._get_more()
        changes = cursor["nextBatch"]
        token = cursor["postBatchResumeToken"]
        first = _first_subscription(changes, self._admitted)
        if first is not None:
            changes = changes[: first + 1]
            token = changes[-1]["_id"]
        events: list[FeedEvent] = []
        for change in changes:
            self._decode(change, events)
        at = _time(changes[-1]["clusterTime"]) if changes else self._quiet_until
        if changes or token["_data"] != self._position.token:
            self._rests_on = _tenant_at(token, changes)
        self._position = Position(token["_data"], max(at, self._position.at))
        await self._listen(changes)
        return FeedBatch(events, self._position)

    async def close(self) -> None:
        """Give the stream up; the server forgets an abandoned cursor by itself."""
        session, self._session = self._session, None
        cursor_id, self._cursor_id, self._first = self._cursor_id, 0, None
        if session is None:
            return
        try:
            if cursor_id:
                await self._admin.command(
                    "killCursors", _CURSOR, cursors=[cursor_id], session=session
                )
        except PyMongoError:
            log.debug("could not close the change stream", exc_info=True)
        finally:
            await session.end_session()

    async def replay(self, since: str) -> AsyncIterator[FeedEvent]:
        """Yield the changes committed since a time from the change log, oldest first by tenant."""
        for tenant in await self._databases.tenants():
            changes = self._databases.of(tenant)["changes"]
            with translated():
                found = changes.find({"at": {"$gte": since}}, sort=_WRITTEN, allow_disk_use=True)
                async for document in found:
                    yield EntityChanged(tenant, decode_change(document), _replayed_order(document))

    async def _listen(self, changes: Sequence[Document]) -> None:
        """Go on with the tenants that have subscriptions after these events.

        The one whose change the position is the place of stays in the stream, or it could not go on
        from there.
        """
        self._ended |= {one["ns"]["db"] for one in changes if one["operationType"] in _ENDING}
        new = {name for one in changes if (name := _subscribing(one)) is not None}
        if self._ended or not new <= self._heard:
            ended = self._ended & self._heard
            gone = {name for name in ended if not await self._has_subscriptions(name)}
            self._heard = (self._heard - gone) | (new - self._heard)
            self._ended.clear()
        if self._rests_on is None:
            return
        wanted = self._heard | {self._rests_on} if self._rests_on else self._heard
        if wanted != self._admitted:
            with translated():
                await self.close()
                await self._resume(self._position, wanted)

    async def _subscribed(self) -> frozenset[str]:
        names = [self._databases.name_of(tenant) for tenant in await self._databases.tenants()]
        return frozenset([name for name in names if await self._has_subscriptions(name)])

    async def _has_subscriptions(self, database: str) -> bool:
        subscriptions = self._databases.client[database]["subscriptions"]
        with translated():
            return await subscriptions.find_one({}, {"_id": 1}) is not None

    async def _resume(self, after: Position, admitted: frozenset[str] | None) -> None:
        """Raises OperationFailure of _HISTORY_LOST if the place is no longer there."""
        await self._aggregate({"resumeAfter": {"_data": after.token}}, after.at, admitted)
        # Only when it is first asked for events does the server look for the place.
        self._first = await self._get_more(wait=1)

    async def _aggregate(self, start: Document, at: str, admitted: frozenset[str] | None) -> None:
        if self._session is None:  # a cursor belongs to the session it was opened in
            self._session = self._databases.client.start_session()
        reply = await self._admin.command(
            "aggregate",
            1,
            pipeline=[
                {"$changeStream": {"allChangesForCluster": True, **start}},
                {"$match": _wanted(self._databases.prefix, admitted)},
                {"$project": {"lsid": 0, "txnNumber": 0, "wallTime": 0}},
            ],
            cursor={"batchSize": 0},
            session=self._session,
        )
        self._first = None
        self._admitted = admitted
        self._cursor_id = reply["cursor"]["id"]
        self._position = Position(reply["cursor"]["postBatchResumeToken"]["_data"], at)

    async def _get_more(self, *, wait: int = _WAIT_MS) -> Document:
        reply = await self._admin.command(
            "getMore",
            self._cursor_id,
            collection=_CURSOR,
            batchSize=_EVENTS_A_BATCH,
            maxTimeMS=wait,
            session=self._session,
        )
        cursor: Document = reply["cursor"]
        self._cursor_id = cursor["id"]
        # Long enough before the answer for everything until then to have been looked at.
        self._quiet_until = format_time(reply["operationTime"].as_datetime() - _MARGIN)
        return cursor

    def _decode(self, change: Document, events: list[FeedEvent]) -> None:
        tenant = self._databases.tenant_of(change["ns"]["db"])
        if tenant is None:
            return
        try:
            events.extend(_events(tenant, change))
        except (KeyError, TypeError, ValueError):
            # One document nobody can read must not stop everybody's notifications.
            log.exception(
                "an event of the change feed cannot be read",
                extra={"namespace": change["ns"], "key": change.get("documentKey")},
            )


class MongoChangeLog:
    """Implements `broker.storage.feed.ChangeLog`."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def present(self, tenant: str, entity_ids: Sequence[str]) -> dict[str, Entity]:
        """Return those of the entities that exist, by id, expired ones included."""
        entities = self._databases.of(tenant)["entities"]
        with translated():
            documents = await entities.find({"_id": {"$in": list(entity_ids)}}).to_list()
        return {document["_id"]: decode_entity(document) for document in documents}

    async def later(self, tenant: str, changes: Sequence[Change]) -> dict[str, list[Change]]:
        """Return what followed on each of some changes (of different entities), by entity."""
        onwards = [
            {**records_between(one.entity_id, one.version), "at": {"$gte": _surely_before(one.at)}}
            for one in changes
        ]
        log_of_changes = self._databases.of(tenant)["changes"]
        records: dict[str, list[Document]] = {}
        with translated():
            async for record in log_of_changes.find({"$or": onwards}):
                records.setdefault(record["e"], []).append(record)
            for one in changes:
                of_group = group_before(one, records.get(one.entity_id, ()))
                if of_group is not None:
                    records[one.entity_id] += await log_of_changes.find(of_group).to_list()
        return {
            one.entity_id: [
                decode_change(record)
                for record in records_after(one, records.get(one.entity_id, ()))
            ]
            for one in changes
        }

    async def times(self, tenant: str, deletion: Change) -> tuple[str, str]:
        """Return when an entity that was deleted had been created and last modified."""
        wanted = [records_between(deletion.entity_id, v, v) for v in (1, deletion.version - 1)]
        changes = self._databases.of(tenant)["changes"]
        with translated():
            records = await changes.find(
                {"$or": wanted, "at": {"$lte": deletion.at}}, {"v": 1, "at": 1}
            ).to_list()
        created = [record["at"] for record in records if record["v"] == 1]
        modified = [record["at"] for record in records]
        return max(created, default=deletion.at), max(modified, default=deletion.at)


def _wanted(prefix: str, admitted: Collection[str] | None) -> Document:
    change: Document = {"ns.coll": "changes", "operationType": "insert"}
    if admitted is not _EVERYBODY:
        change["ns.db"] = {"$in": sorted(admitted)}
    return {
        "ns.db": {"$regex": f"^{re.escape(prefix)}(-|$)"},
        "$or": [
            change,
            {
                "ns.coll": "subscriptions",
                "operationType": {"$in": ["insert", "replace", "delete"]},
            },
            {"operationType": "dropDatabase"},
        ],
    }


def _tenant_at(token: Document, changes: Sequence[Document]) -> str:
    """Return the database of the change that a token is the place of, "" if it is another's."""
    if not changes or changes[-1]["_id"]["_data"] != token["_data"]:
        return ""
    namespace: Document = changes[-1]["ns"]
    return namespace["db"] if namespace.get("coll") == "changes" else ""


def _subscribing(change: Document) -> str | None:
    """Return the database in which this event stores a subscription, None if it is another one."""
    if change["operationType"] in _ENDING or change["ns"].get("coll") != "subscriptions":
        return None
    database: str = change["ns"]["db"]
    return database


def _first_subscription(
    changes: Sequence[Document], admitted: Collection[str] | None
) -> int | None:
    """Return which event is the first subscription of a tenant the stream leaves out."""
    if admitted is _EVERYBODY:
        return None
    for number, change in enumerate(changes):
        database = _subscribing(change)
        if database is not None and database not in admitted:
            return number
    return None


def _events(tenant: str, change: Document) -> list[FeedEvent]:
    if change["operationType"] == "dropDatabase":
        return [TenantDropped(tenant)]
    if change["ns"]["coll"] == "subscriptions":
        if change["operationType"] == "delete":
            return [SubscriptionRemoved(tenant, change["documentKey"]["_id"])]
        return [SubscriptionStored(decode_subscription(tenant, change["fullDocument"]))]
    record = change["fullDocument"]
    return [EntityChanged(tenant, decode_change(record), _order(change["clusterTime"], record))]


def _order(moment: Timestamp, record: Document) -> str:
    """Return the order of a change: all of a transaction have one time, and `q` for each entity."""
    return f"{moment.time:010d}.{moment.inc:010d}.{record.get('q', 0):06d}"


def _replayed_order(record: Document) -> str:
    at = datetime.fromisoformat(record["at"])
    second = int(at.timestamp())
    return f"{second:010d}.{0:010d}.{at.microsecond:06d}.{record.get('q', 0):06d}"


def _surely_before(at: str) -> str:
    return format_time(datetime.fromisoformat(at) - _CLOCKS_APART)


def _time(moment: Any) -> str:
    return format_time(moment.as_datetime())
