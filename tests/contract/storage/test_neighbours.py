"""Several workers write the same entities: with what they tell one another, and without."""

from __future__ import annotations

import asyncio
import marshal
import secrets
import socket
from contextlib import ExitStack, asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.model import patching
from broker.model.changes import Transition
from broker.model.entity import Entity
from broker.model.errors import AlreadyExists, EntityNotFound
from broker.model.fragment import Fragment
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.documents import escape
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.neighbours import Neighbours
from broker.storage.mongo.tenants import Tenants

LEVEL, PLACE = "https://example.org/level", "https://example.org/place"


def prop(value):
    return [{"type": "Property", "value": value}]


def an_entity(entity_id, value=0):
    return Entity(entity_id, ("urn:t:Tank",), {LEVEL: prop(value), PLACE: prop("here")})


def to_level(entity_id, value):
    return patching.update_attributes(entity_id, Fragment(attributes={LEVEL: prop(value)}))


@asynccontextmanager
async def sharing(*stores):
    """Let stores tell one another what they write; yields where each is told."""
    with ExitStack() as held:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in stores]
        for pair in pairs:
            for end in pair:
                held.enter_context(end).settimeout(0)
        for store, (_, inbox) in zip(stores, pairs, strict=True):
            others = [outbox for outbox, inner in pairs if inner is not inbox]
            held.enter_context(store.sharing_with(Neighbours(inbox, others)))
        yield [outbox for outbox, _ in pairs]


async def heard():
    """Let messages arrive that were sent."""
    for _ in range(3):
        await asyncio.sleep(0)


async def documents_read(client):
    status = await client.admin.command("serverStatus")
    return status["metrics"]["document"]["returned"]


async def level_of(store, entity_id):
    entity = await store.fetch("", entity_id)
    return None if entity is None else entity.attributes[LEVEL][0]["value"]


@pytest.fixture
async def two(make_store):
    return make_store(), make_store()


async def test_what_others_tell_need_not_be_read(two, client):
    here, there = two
    async with sharing(here, there):
        await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
        await there.apply("", "urn:x:1", to_level("urn:x:1", 1))
        await heard()
        before = await documents_read(client)
        for value in range(2, 12):
            transition = await two[value % 2].apply("", "urn:x:1", to_level("urn:x:1", value))
            assert transition.entity.version == value + 1
            assert transition.change.attributes[LEVEL].before[0]["value"] == value - 1
            await heard()
        assert await documents_read(client) == before
    assert await level_of(here, "urn:x:1") == 11


async def test_who_is_not_told_finds_out(two):
    here, there = two
    await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
    await there.apply("", "urn:x:1", to_level("urn:x:1", 1))
    transition = await here.apply("", "urn:x:1", to_level("urn:x:1", 2))
    assert transition.change.attributes[LEVEL].before[0]["value"] == 1
    assert transition.entity.version == 3


async def test_no_answer_rests_on_an_entity_that_others_have_deleted(two):
    here, there = two
    await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
    await there.apply("", "urn:x:1", patching.delete_entity("urn:x:1"))
    await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1", 5)))
    assert await level_of(there, "urn:x:1") == 5


async def test_no_answer_rests_on_an_entity_that_was_not_there_before(two):
    here, there = two
    await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
    with pytest.raises(AlreadyExists):
        await there.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1", 5)))
    assert await level_of(there, "urn:x:1") == 0


async def test_who_creates_and_deletes_at_once_meets_what_is_there(two):
    here, there = two
    await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
    both = [patching.create_entity(an_entity("urn:x:1", 5)), patching.delete_entity("urn:x:1")]
    outcomes = await there.apply_many("", [("urn:x:1", operation) for operation in both])
    assert isinstance(outcomes[0], AlreadyExists)
    assert isinstance(outcomes[1], Transition)
    assert await level_of(there, "urn:x:1") is None


async def test_what_was_taken_away_behind_everybodys_back_is_not_updated(store, databases):
    await store.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
    for entity_id in ("urn:x:2", "urn:x:3"):
        await store.apply("", entity_id, patching.create_entity(an_entity(entity_id)))
    await databases.of("")["entities"].delete_one({"_id": "urn:x:1"})
    outcomes = await store.apply_many(
        "", [(f"urn:x:{number}", to_level(f"urn:x:{number}", 9)) for number in (2, 1, 3)]
    )
    assert isinstance(outcomes[1], EntityNotFound)
    assert await store.fetch("", "urn:x:1") is None
    assert [await level_of(store, one) for one in ("urn:x:2", "urn:x:3")] == [9, 9]
    changes = databases.of("")["changes"]
    assert await changes.count_documents({"e": "urn:x:1"}) == 1
    assert await changes.count_documents({"e": "urn:x:2"}) == 2


async def test_what_was_not_written_for_a_while_is_read_again(databases):
    moments = iter(f"2026-01-01T00:00:{second:02}.000000Z" for second in (0, 0, 1, 1, 20, 20))
    store = MongoEntityStore(
        databases=databases,
        tenants=Tenants(databases),
        clock=lambda: next(moments),
        limits=GroupLimits(),
    )
    await store.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
    await store.apply("", "urn:x:1", to_level("urn:x:1", 1))
    path = {"$set": {f"a.{escape(LEVEL)}.value": 77}}  # as a backup that is restored would
    await databases.of("")["entities"].update_one({"_id": "urn:x:1"}, path)
    transition = await store.apply("", "urn:x:1", to_level("urn:x:1", 2))
    assert transition.change.attributes[LEVEL].before[0]["value"] == 77


async def test_a_message_that_cannot_be_read_does_no_harm(two, caplog):
    here, there = two
    async with sharing(here, there) as inboxes:
        await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
        incomplete = [marshal.dumps(("",)), marshal.dumps(("", [[1]]))]
        for message in (b"\0", b"nothing of the kind", *incomplete):
            inboxes[0].send(message)
        await heard()
        await there.apply("", "urn:x:1", to_level("urn:x:1", 1))
        await heard()
        assert (await here.apply("", "urn:x:1", to_level("urn:x:1", 2))).entity.version == 3
    assert caplog.text.count("cannot be read") == 4


async def test_who_does_not_listen_is_not_waited_for(two):
    here, there = two
    outer, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with outer, inner:
        outer.settimeout(0)
        with here.sharing_with(Neighbours(None, [outer])):
            await here.apply("", "urn:x:1", patching.create_entity(an_entity("urn:x:1")))
            for value in range(700):
                await here.apply_many("", [("urn:x:1", to_level("urn:x:1", value))] * 2)
    assert await level_of(there, "urn:x:1") == 699


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(("create", "update", "delete", "nothing new")),
        st.integers(0, 1),
        st.booleans(),
    ),
    min_size=10,
    max_size=30,
)


class City:
    """What should be stored, and the operations that lead there."""

    def __init__(self):
        self.ids = [f"urn:x:{secrets.token_hex(8)}" for _ in range(2)]
        self.levels = {}
        self.steps = 0

    def operation(self, kind, entity_id):
        """Return an operation, and what should come of it: the level afterwards, or an error."""
        self.steps += 1
        level = self.levels.get(entity_id)
        if kind == "create":
            made = patching.create_entity(an_entity(entity_id, self.steps))
            return made, (self.steps if level is None else AlreadyExists)
        if level is None:
            return to_level(entity_id, self.steps), EntityNotFound
        if kind == "delete":
            return patching.delete_entity(entity_id), None
        if kind == "update":
            return to_level(entity_id, self.steps), self.steps
        more = Fragment(attributes={LEVEL: prop(self.steps)})
        return patching.append_attributes(entity_id, more, overwrite=False), level


@given(steps=STEPS)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_it_makes_no_difference_which_worker_is_asked(steps, make_store):
    stores, city = [make_store(), make_store(), make_store()], City()
    async with sharing(*stores[:2]):  # the third one neither tells nor is told
        for worker, kind, number, is_heard in steps:
            entity_id = city.ids[number]
            operation, expected = city.operation(kind, entity_id)
            (outcome,) = await stores[worker].apply_many("", [(entity_id, operation)])
            if isinstance(expected, type):
                assert isinstance(outcome, expected)
            else:
                assert isinstance(outcome, Transition)
                city.levels[entity_id] = expected
            if is_heard:
                await heard()
    for entity_id in city.ids:
        assert await level_of(stores[0], entity_id) == city.levels.get(entity_id)
