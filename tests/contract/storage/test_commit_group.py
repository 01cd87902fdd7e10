"""What the write path promises: atomic, ordered, durable, bounded, and fair to others."""

from __future__ import annotations

import asyncio

import pytest

from broker.model import patching
from broker.model.changes import AttributeChange, Change, Transition, apply_change, take_back
from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.model.errors import AlreadyExists, BadRequestData, InternalError, Overloaded
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.storage.mongo.catalogue import MongoCatalogue
from broker.storage.mongo.documents import decode_change

COUNTER = "https://example.org/counter"


def counted(entity_id, by=1):
    """Create the entity with a counter of `by`, or add `by` to its counter."""

    def operation(current, now):
        before = [] if current is None else current.attributes[COUNTER]
        value = (before[0]["value"] if before else 0) + by
        after = [{"type": "Property", "value": value, "createdAt": now, "modifiedAt": now}]
        version = 1 if current is None else current.version + 1
        entity = Entity(
            id=entity_id,
            types=("https://example.org/T",),
            attributes={COUNTER: after},
            created_at=now if current is None else current.created_at,
            modified_at=now,
            version=version,
        )
        kind = "entityCreated" if current is None else "entityUpdated"
        change = Change(
            entity_id, entity.types, version, kind, now, {COUNTER: AttributeChange(before, after)}
        )
        return Transition(entity, change, outcome=value)

    return operation


def counted_in_place(current, now):
    """Give the entity a counter, and leave all else of it as it was."""
    after = [{"type": "Property", "value": 1, "createdAt": now, "modifiedAt": now}]
    entity = current._replace(
        attributes={**current.attributes, COUNTER: after},
        modified_at=now,
        version=current.version + 1,
    )
    changed = {COUNTER: AttributeChange([], after)}
    change = Change(entity.id, entity.types, entity.version, "entityUpdated", now, changed)
    return Transition(entity, change, outcome=1)


def deleted(entity_id):
    def operation(current, now):
        if current is None:
            return Transition(None, None, outcome="nothing")
        attributes = {n: AttributeChange(i, []) for n, i in current.attributes.items()}
        version = current.version + 1
        change = Change(entity_id, current.types, version, "entityDeleted", now, attributes)
        return Transition(None, change, outcome="deleted")

    return operation


def refusing(error):
    def operation(current, now):
        raise error

    return operation


async def changes_of(databases, entity_id, tenant=""):
    cursor = databases.of(tenant)["changes"].find({"e": entity_id}).sort([("at", 1), ("q", 1)])
    return [decode_change(document) for document in await cursor.to_list()]


async def test_a_write_is_there_when_its_answer_comes(store, databases):
    transition = await store.apply("", "urn:x:1", counted("urn:x:1"))
    assert transition.outcome == 1
    assert await store.fetch("", "urn:x:1") == transition.entity
    (change,) = await changes_of(databases, "urn:x:1")
    assert change == transition.change


async def test_operations_on_one_entity_in_a_group_are_applied_in_order(store, databases):
    outcomes = await store.apply_many("", [("urn:x:1", counted("urn:x:1")) for _ in range(20)])
    assert [outcome.outcome for outcome in outcomes] == list(range(1, 21))
    changes = await changes_of(databases, "urn:x:1")
    assert [change.version for change in changes] == list(range(1, 21))


async def test_each_change_leads_from_one_state_to_the_next(store, databases):
    operations = [
        ("urn:x:1", counted("urn:x:1")),
        ("urn:x:1", counted("urn:x:1", by=5)),
        ("urn:x:1", deleted("urn:x:1")),
        ("urn:x:1", counted("urn:x:1", by=7)),
    ]
    outcomes = await store.apply_many("", operations)
    state = None
    for change, outcome in zip(await changes_of(databases, "urn:x:1"), outcomes, strict=True):
        before, state = state, apply_change(state, change)
        assert (state and state.attributes) == (outcome.entity and outcome.entity.attributes)
        taken = take_back(state, change)
        assert (taken and taken.attributes) == (before and before.attributes)
    stored = await store.fetch("", "urn:x:1")
    assert stored.attributes[COUNTER][0]["value"] == 7


async def test_a_clock_that_is_set_back_puts_no_change_before_the_one_it_follows(
    make_store, databases
):
    times = ["2026-01-01T09:00:00.000000Z"]
    store = make_store(clock=lambda: times[-1])
    await store.apply_many("", [("urn:x:1", counted("urn:x:1")) for _ in range(3)])
    times.append("2026-01-01T08:00:00.000000Z")
    again = [*(("urn:x:1", counted("urn:x:1")) for _ in range(2)), ("urn:x:2", counted("urn:x:2"))]
    outcomes = await store.apply_many("", again)
    _ = await store.apply("", "urn:x:1", deleted("urn:x:1"))
    assert [outcome.entity.modified_at for outcome in outcomes] == [
        "2026-01-01T09:00:00.000001Z",
        "2026-01-01T09:00:00.000001Z",
        "2026-01-01T08:00:00.000000Z",
    ]
    changes = await changes_of(databases, "urn:x:1")
    assert [change.version for change in changes] == [1, 2, 3, 4, 5, 6]


async def test_an_operation_that_fails_does_not_undo_another(store):
    outcomes = await store.apply_many(
        "",
        [
            ("urn:x:1", counted("urn:x:1")),
            ("urn:x:2", refusing(AlreadyExists("there"))),
            ("urn:x:3", counted("urn:x:3")),
        ],
    )
    assert isinstance(outcomes[1], AlreadyExists)
    assert set(await store.fetch_many("", ["urn:x:1", "urn:x:2", "urn:x:3"])) == {
        "urn:x:1",
        "urn:x:3",
    }


async def test_a_fault_in_one_operation_is_its_own(store):
    outcomes = await store.apply_many(
        "",
        [("urn:x:1", refusing(ZeroDivisionError())), ("urn:x:2", counted("urn:x:2"))],
    )
    assert isinstance(outcomes[0], InternalError)
    assert outcomes[1].outcome == 1


async def test_an_entity_the_database_refuses_fails_alone(store, databases):
    def huge(current, now):
        transition = counted("urn:x:huge")(current, now)
        value = [{"type": "Property", "value": "x" * 17_000_000}]
        return Transition(transition.entity.evolve(attributes={COUNTER: value}), transition.change)

    outcomes = await store.apply_many(
        "",
        [
            ("urn:x:1", counted("urn:x:1")),
            ("urn:x:huge", huge),
            ("urn:x:2", counted("urn:x:2")),
        ],
    )
    assert isinstance(outcomes[1], BadRequestData)
    assert [outcomes[0].outcome, outcomes[2].outcome] == [1, 1]
    assert await changes_of(databases, "urn:x:huge") == []


async def test_two_processes_that_write_the_same_entities_lose_nothing(make_store, databases):
    stores = [make_store(), make_store(), make_store()]
    ids = [f"urn:x:{number}" for number in range(5)]

    async def write(store, rounds):
        for _ in range(rounds):
            await asyncio.gather(*[store.apply("", i, counted(i)) for i in ids])

    await asyncio.gather(*[write(store, 15) for store in stores])
    found = await stores[0].fetch_many("", ids)
    assert {e.attributes[COUNTER][0]["value"] for e in found.values()} == {45}
    for entity_id in ids:
        changes = await changes_of(databases, entity_id)
        assert sorted(change.version for change in changes) == list(range(1, 46))


async def test_what_another_process_made_anew_is_not_taken_for_what_was_there(
    make_store, databases
):
    here, there = make_store(), make_store()
    old = Entity("urn:x:1", ("urn:t:Old",), {}, scopes=("/old",), expires_at="2999-01-01T00:00:00Z")
    new = Entity("urn:x:1", ("urn:t:New",), {})
    await here.apply("", "urn:x:1", patching.create_entity(old))
    await there.apply("", "urn:x:1", patching.delete_entity("urn:x:1"))
    made = await there.apply("", "urn:x:1", patching.create_entity(new))
    after = await here.apply("", "urn:x:1", counted_in_place)
    assert after.entity == made.entity._replace(
        attributes=after.entity.attributes, version=2, modified_at=after.entity.modified_at
    )
    assert await there.fetch("", "urn:x:1") == after.entity
    await here.apply("", "urn:x:1", patching.delete_entity("urn:x:1"))
    assert await MongoCatalogue(databases).entries("") == []


async def test_a_full_queue_refuses_and_queues_nothing(make_store, databases):
    store = make_store(queued_writes=3)
    with pytest.raises(Overloaded) as refused:
        await store.apply_many("", [(f"urn:x:{n}", counted(f"urn:x:{n}")) for n in range(4)])
    assert refused.value.retry_after >= 1
    assert store.queue_length == 0
    assert await databases.of("")["entities"].count_documents({}) == 0


async def test_tenants_do_not_see_each_other(store, databases):
    await store.apply("town", "urn:x:1", counted("urn:x:1"))
    await store.apply("Town", "urn:x:1", counted("urn:x:1", by=5))
    assert await store.fetch("", "urn:x:1") is None
    town, upper = await store.fetch("town", "urn:x:1"), await store.fetch("Town", "urn:x:1")
    assert [e.attributes[COUNTER][0]["value"] for e in (town, upper)] == [1, 5]
    assert databases.tenant_of(databases.name_of("Town")) == "Town"


async def test_what_expired_is_not_there_and_can_be_made_again(store):
    def transient(current, now):
        transition = counted("urn:x:1")(current, now)
        past = transition.entity.evolve(expires_at="2001-01-01T00:00:00Z")
        return Transition(past, transition.change)

    await store.apply("", "urn:x:1", transient)
    assert await store.fetch("", "urn:x:1") is None
    made = Entity("urn:x:1", ("urn:t:1",), {COUNTER: [{"type": "Property", "value": 7}]})
    again = await store.apply("", "urn:x:1", patching.create_entity(made))
    assert again.entity.version == 2
    assert (await store.fetch("", "urn:x:1")).attributes[COUNTER][0]["value"] == 7


async def test_nothing_of_an_expired_entity_is_counted_when_it_is_made_again(store, databases):
    old, new = "https://example.org/old", "https://example.org/new"
    for name, expires_at in ((old, "2001-01-01T00:00:00Z"), (new, None)):
        attributes = {name: [{"type": "Property", "value": 1}]}
        made = Entity("urn:x:1", ("urn:t:1",), attributes, expires_at=expires_at)
        await store.apply("", "urn:x:1", patching.create_entity(made))
    entries = await MongoCatalogue(databases).entries("")
    assert {entry.attribute: entry.count for entry in entries} == {"": 1, new: 1}


async def test_combined_look_ups_give_everybody_their_own(store):
    ids = [f"urn:x:{number}" for number in range(50)]
    await store.apply_many("", [(i, counted(i, by=n)) for n, i in enumerate(ids)])
    found = await asyncio.gather(*[store.fetch("", i) for i in [*ids, *ids, "urn:x:none"]])
    values = [entity and entity.attributes[COUNTER][0]["value"] for entity in found]
    assert values == [*range(50), *range(50), None]


async def test_a_token_is_applied_once_by_whatever_process(make_store, databases):
    stores = [make_store() for _ in range(4)]
    outcomes = await asyncio.gather(
        *[store.apply("", "urn:x:1", counted("urn:x:1"), "r/0") for store in stores * 3]
    )
    assert {(outcome.change.kind, outcome.change.version) for outcome in outcomes} == {
        ("entityCreated", 1)
    }
    assert len(await changes_of(databases, "urn:x:1")) == 1


async def test_tokens_belong_to_their_operations(store, databases):
    operations = [("urn:x:1", counted("urn:x:1")) for _ in range(3)]
    await store.apply_many("", operations, ["r/0", "r/1", "r/1"])
    await store.apply_many(
        "", [*operations, ("urn:x:1", counted("urn:x:1"))], ["r/1", "r/0", None, "r/2"]
    )
    stored = await databases.of("")["changes"].find().sort("v").to_list()
    assert [record.get("i") for record in stored] == ["r/0", "r/1", None, "r/2"]


async def test_what_failed_may_be_tried_again_with_its_token(store):
    with pytest.raises(AlreadyExists):
        await store.apply("", "urn:x:1", refusing(AlreadyExists("there")), "r/0")
    assert (await store.apply("", "urn:x:1", counted("urn:x:1"), "r/0")).outcome == 1


async def test_an_entity_has_a_limit_of_attributes(make_store, databases):
    store = make_store(attributes_an_entity=0)
    with pytest.raises(BadRequestData, match="1 attributes"):
        await store.apply("", "urn:x:1", counted("urn:x:1"))
    assert await changes_of(databases, "urn:x:1") == []


async def test_the_count_of_a_type_is_that_of_its_entities_whatever_happens_to_them(
    make_store,
):
    stores = [make_store(), make_store()]
    kinds = [("urn:t:A",), ("urn:t:B",), ("urn:t:A", "urn:t:B")]

    def made(number):
        kind, past = kinds[number % 3], "2001-01-01T00:00:00Z" if number % 5 == 0 else None
        return Entity(f"urn:x:{number}", kind, {}, expires_at=past)

    for number in range(30):
        await stores[number % 2].apply("", f"urn:x:{number}", patching.create_entity(made(number)))
    for number in (1, 4, 8):
        await stores[0].apply("", f"urn:x:{number}", patching.delete_entity(f"urn:x:{number}"))
    for kind in ("urn:t:A", "urn:t:B", "urn:t:none"):
        query = EntityQuery((EntitySelector(types=((kind,),)),), now=system_clock())
        found = await stores[0].find_ids("", query, most=100)
        assert await stores[1].count("", query) == len(found)
        assert len(found) == sum(
            kind in kinds[n % 3] and n % 5 != 0 and n not in {1, 4, 8} for n in range(30)
        )


async def test_where_nothing_was_ever_written_nothing_is_counted(store):
    query = EntityQuery((EntitySelector(types=(("urn:t:A",),)),), now=system_clock())
    assert await store.count("", query) == 0
