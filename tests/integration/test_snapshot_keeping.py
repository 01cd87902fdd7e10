"""Snapshots in the background: crashes, deletions while filling, limits, what is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from pymongo import AsyncMongoClient

from broker.contexts.context import core_context
from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.model.errors import TooManyResults
from broker.model.patching import create_entity
from broker.model.snapshot import Snapshot
from broker.operations.caller import Caller
from broker.operations.snapshot_filling import SnapshotFilling, SnapshotQuery
from broker.operations.snapshot_keeping import SnapshotKeeper
from broker.operations.snapshot_notices import SnapshotNotices
from broker.operations.snapshots import SnapshotLimits, SnapshotOperations, SnapshotWish
from broker.operations.tenancy import Tenancy
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.representations.options import DEFAULT_OPTIONS
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.snapshot_contents import MongoSnapshotContents
from broker.storage.mongo.snapshots import MongoSnapshotStore
from broker.storage.mongo.tenants import Tenants
from broker.subscriptions.senders.sender import DELIVERED, SenderByScheme
from tests.patience import PATIENCE

CALLER = Caller()
CORE = core_context()
ALL = SnapshotWish(members={"queries": ({"type": "Query"},)})
EVERYTHING = SnapshotQuery(
    EntityQuery(selectors=(EntitySelector(types=(("urn:T",),)),)), DEFAULT_OPTIONS
)


class OneContext:
    """Resolves every reference to the core @context."""

    async def resolve(self, reference, *, tenant):
        return CORE


class Node:
    """What one engine process has of snapshots; several share a database."""

    def __init__(self, databases, name, *, gone=(), most=100_000, limits=None, sender=None):
        tenants = Tenants(databases)
        self.databases = databases
        self.store = MongoSnapshotStore(
            databases=databases, tenants=tenants, owner=name, is_gone=lambda owner: owner in gone
        )
        self.contents = MongoSnapshotContents(databases=databases, tenants=tenants)
        self.entities = MongoEntityStore(
            databases=databases, tenants=tenants, clock=system_clock, limits=GroupLimits()
        )
        self.operations = SnapshotOperations(
            snapshots=self.store,
            tenancy=Tenancy(tenants=tenants),
            clock=system_clock,
            limits=limits or SnapshotLimits(),
        )
        self.filling = SnapshotFilling(
            contents=self.contents,
            contexts=OneContext(),
            read_query=lambda body, context: EVERYTHING,
            clock=system_clock,
            most_entities=most,
        )
        self.keeper = SnapshotKeeper(
            work=self.store,
            contents=self.contents,
            filling=self.filling,
            notices=SnapshotNotices(
                work=self.store,
                sender=sender or SenderByScheme({}),
                present=lambda snapshot: {},
                clock=system_clock,
            ),
            clock=system_clock,
        )

    async def fill(self, count):
        operations = [
            (f"urn:x:{n:05}", create_entity(Entity(f"urn:x:{n:05}", ("urn:T",))))
            for n in range(count)
        ]
        await self.entities.apply_many("", operations)

    async def retrieve(self, snapshot_id) -> Snapshot:
        return await self.operations.retrieve_snapshot(CALLER, snapshot_id)

    async def ready(self, snapshot_id) -> Snapshot:
        """Look after snapshots until this one is ready."""
        async with asyncio.timeout(PATIENCE):
            while (snapshot := await self.retrieve(snapshot_id)).status == "preparing":
                await self.keeper.look()
                await asyncio.sleep(0.05)
        return snapshot

    async def count(self, snapshot) -> int:
        return await self.databases.of(snapshot.space)["entities"].count_documents({})

    async def settled(self):
        """Look after snapshots until nothing is to be done."""
        async with asyncio.timeout(PATIENCE):
            while await self.store.due(system_clock()):
                await self.keeper.look()
                await asyncio.sleep(0.05)


@pytest.fixture
def client(mongodb_uri) -> AsyncMongoClient:
    return connect(mongodb_uri)


@pytest.fixture
async def databases(client, database_prefix):
    yield Databases(client, prefix=database_prefix)
    await client.close()


async def test_what_a_killed_process_was_filling_is_filled_again_from_the_start(databases):
    dead = Node(databases, "dead")
    await dead.fill(450)
    snapshot_id = await dead.operations.create_snapshot(CALLER, ALL)
    snapshot = await dead.retrieve(snapshot_id)
    assert await dead.store.claim(snapshot) == 1
    await dead.contents.begin(snapshot.space)
    await dead.contents.add(snapshot.space, [Entity("urn:left:over", ("urn:T",))])

    other = Node(databases, "other")
    assert await other.store.claim(snapshot) is None  # nobody knows that it is dead
    alive = Node(databases, "alive", gone={"dead"})
    filled = await alive.ready(snapshot_id)
    assert filled.status == "success"
    assert await alive.count(filled) == 450
    assert not await dead.store.extend(snapshot)
    assert not await dead.store.finish(snapshot.evolve(status="failure"))


async def test_a_claim_runs_out_by_itself_where_nobody_knows_of_the_process(databases):
    dead = Node(databases, "dead")
    snapshot_id = await dead.operations.create_snapshot(CALLER, ALL)
    snapshot = await dead.retrieve(snapshot_id)
    dead.store._milliseconds = 1
    assert await dead.store.claim(snapshot) == 1
    await asyncio.sleep(0.05)
    assert (await Node(databases, "alive").ready(snapshot_id)).status == "empty"


async def test_one_that_ends_every_process_has_failed(databases):
    snapshot_id = await Node(databases, "0").operations.create_snapshot(CALLER, ALL)
    for number in range(3):
        node = Node(databases, str(number), gone={str(number - 1)})
        assert await node.store.claim(await node.retrieve(snapshot_id)) == number + 1
    failed = await Node(databases, "3", gone={"2"}).ready(snapshot_id)
    assert failed.status == "failure"
    assert [each.error for each in failed.details] == ["InternalError"]


async def test_the_queries_of_a_snapshot_see_one_moment(databases):
    node = Node(databases, "one")
    await node.fill(10)
    async with node.contents.moment("") as moment:
        assert await moment.count(EVERYTHING.query) == 10
        await node.entities.apply(
            "", "urn:x:later", create_entity(Entity("urn:x:later", ("urn:T",)))
        )
        pages = [page async for page in moment.pages(EVERYTHING.query)]
        assert sum(len(page) for page in pages) == 10
        assert await moment.fetch_many(["urn:x:later"]) == {}


async def test_one_that_is_deleted_while_it_is_filled_leaves_nothing(databases):
    node = Node(databases, "one")
    await node.fill(1000)
    snapshot_id = await node.operations.create_snapshot(CALLER, ALL)
    await node.keeper.look()
    await asyncio.sleep(0.02)
    await node.operations.delete_snapshot(CALLER, snapshot_id)
    await node.settled()
    assert await node.contents.spaces() == []
    assert await node.store.keys() == set()


async def test_what_has_expired_is_removed(databases):
    node = Node(databases, "one")
    wish = replace(ALL, members={**ALL.members, "lifetime": "PT0.5S"})
    snapshot_id = await node.operations.create_snapshot(CALLER, wish)
    async with asyncio.timeout(PATIENCE):
        while await node.store.keys():
            await node.keeper.look()
            await asyncio.sleep(0.05)
    assert await node.contents.spaces() == []
    assert await node.store.fetch("", snapshot_id, system_clock()) is None


async def test_one_that_is_given_more_time_while_it_is_looked_for_what_has_expired_stays(databases):
    node = Node(databases, "one")
    snapshot_id = await node.operations.create_snapshot(CALLER, ALL)
    read = node.store.due

    async def read_before_it_was_given_more(now):
        return [each.evolve(expires_at=now) for each in await read(now)]

    node.store.due = read_before_it_was_given_more
    await node.keeper.look()
    assert await node.store.fetch("", snapshot_id, system_clock()) is not None


async def test_spaces_without_a_snapshot_are_swept_away(databases):
    node = Node(databases, "one")
    kept = await node.ready(await node.operations.create_snapshot(CALLER, ALL))
    await node.contents.begin("~0123456789ab")
    assert len(await node.contents.spaces()) == 2
    fresh = Node(databases, "two")
    await fresh.keeper.look()
    assert await fresh.contents.spaces() == [kept.space]


async def test_more_than_a_snapshot_may_hold_is_a_failure_and_nothing_is_kept(databases):
    node = Node(databases, "one", most=15)
    await node.fill(10)
    twice = SnapshotWish(members={"queries": ({"n": 1}, {"n": 2})})
    filled = await node.ready(await node.operations.create_snapshot(CALLER, twice))
    assert filled.status == "partial"
    assert [each.error for each in filled.details] == [None, "TooManyResults"]
    assert await node.count(filled) == 10


async def test_where_there_are_too_many_the_least_important_makes_room(databases):
    node = Node(databases, "one", limits=SnapshotLimits(snapshots=2))
    low = await node.operations.create_snapshot(CALLER, with_priority(2))
    await node.operations.create_snapshot(CALLER, with_priority(5))
    with pytest.raises(TooManyResults):
        await node.operations.create_snapshot(CALLER, with_priority(2))
    await node.operations.create_snapshot(CALLER, with_priority(3))
    left = await node.store.find("", system_clock())
    assert low not in {each.id for each in left}
    assert sorted(each.priority for each in left) == [3, 5]


async def test_of_the_same_priority_the_one_used_longest_ago_goes(databases):
    node = Node(databases, "one", limits=SnapshotLimits(snapshots=2))
    ids = [await node.operations.create_snapshot(CALLER, with_priority(1)) for _ in range(2)]
    for snapshot_id in ids:
        await node.ready(snapshot_id)
    await asyncio.sleep(0.15)
    await node.operations.enter(CALLER, ids[0])
    await node.operations.create_snapshot(CALLER, with_priority(2))
    left = {each.id for each in await node.store.find("", system_clock())}
    assert ids[0] in left
    assert ids[1] not in left


async def test_a_clone_waits_for_its_original_and_fails_without_it(databases):
    node = Node(databases, "one")
    await node.fill(700)
    original = await node.operations.create_snapshot(CALLER, ALL)
    clone = await node.operations.clone_snapshot(CALLER, original, SnapshotWish())
    copied = await node.ready(clone)
    assert (copied.status, await node.count(copied)) == ("success", 700)
    orphan = await node.operations.clone_snapshot(CALLER, original, SnapshotWish())
    await node.operations.delete_snapshot(CALLER, original)
    assert (await node.ready(orphan)).status == "failure"


async def test_several_processes_share_the_work(databases):
    nodes = [Node(databases, name) for name in ("one", "two", "three")]
    await nodes[0].fill(300)
    ids = [await nodes[0].operations.create_snapshot(CALLER, ALL) for _ in range(6)]
    await asyncio.gather(*[node.ready(ids[-1]) for node in nodes])
    for snapshot_id in ids:
        snapshot = await nodes[0].ready(snapshot_id)
        assert (snapshot.status, await nodes[0].count(snapshot)) == ("success", 300)


class HeldSender:
    """Delivers once it is released, and counts what it was to send."""

    def __init__(self):
        self.released = asyncio.Event()
        self.sent = 0

    async def send(self, endpoint, message):
        self.sent += 1
        await self.released.wait()
        return DELIVERED


async def test_a_notice_that_ends_while_the_database_is_read_is_not_sent_again(databases):
    sender = HeldSender()
    node = Node(databases, "one", sender=sender)
    wish = SnapshotWish(members={**ALL.members, "endpoint": "http://127.0.0.1:1/"})
    await node.ready(await node.operations.create_snapshot(CALLER, wish))
    async with asyncio.timeout(PATIENCE):
        while not sender.sent:
            await node.keeper.look()
            await asyncio.sleep(0.05)
    read = node.store.due

    async def read_and_wait_for_the_notice(now):
        due = await read(now)
        sender.released.set()
        async with asyncio.timeout(PATIENCE):
            while node.keeper._tasks:
                await asyncio.sleep(0.05)
        return due

    node.store.due = read_and_wait_for_the_notice
    await node.keeper.look()
    await asyncio.sleep(0.1)
    assert sender.sent == 1


def with_priority(priority):
    return SnapshotWish(members={**ALL.members, "priority": priority})
