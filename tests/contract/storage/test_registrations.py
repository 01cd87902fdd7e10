"""The store of registrations: what is written stays, in one order, with a record of each change."""

from __future__ import annotations

import asyncio

import pytest

from broker.model.registration import Registration
from broker.query.entity_query import EntitySelector
from broker.query.registration_query import RegistrationQuery
from broker.storage.mongo.registration_signals import MongoRegistrationSignals
from broker.storage.registrations import Outcome

LATER = "2026-11-22T07:00:00.000000Z"


def registration(number=1, *, types=("https://e.org/T",), names=(), **members):
    entities = [{"type": list(types)}] if types else None
    info = {"entities": entities, "propertyNames": list(names)}
    definition = {
        "endpoint": "http://source.example",
        "information": [{key: value for key, value in info.items() if value}],
        **members,
    }
    tenant = definition.pop("in_tenant", "")
    made = f"2026-11-22T06:00:0{number}.000000Z"
    return Registration(f"urn:r:{number}", tenant, definition, made, made)


async def log_of(registrations, *, after=0, limit=100):
    changes = await registrations.changes("", after=after, limit=limit)
    return [(one.revision, one.before, one.after) for one in changes]


async def test_what_is_written_is_read_back(registrations):
    weird = {"a.b": [1, 2**70, {"$set": None}], "": "東京"}
    one = registration(expiresAt="2999-01-01T00:00:00Z", **{"https://e.org/x": weird})
    assert await registrations.insert(one) is Outcome.DONE
    assert await registrations.fetch("", one.id) == one
    assert await registrations.insert(one) is Outcome.EXISTS
    assert await registrations.fetch("", "urn:r:2") is None


async def test_each_change_has_the_next_revision_and_a_record(registrations):
    one = registration()
    two = one.evolve(definition={**one.definition, "mode": "redirect"}, version=2)
    assert await registrations.revision("") == 0
    await registrations.insert(one)
    assert await registrations.replace(two) is Outcome.DONE
    assert await registrations.replace(two) is Outcome.OUTDATED
    assert await registrations.delete("", one.id)
    assert not await registrations.delete("", one.id)
    assert await registrations.revision("") == 3
    whole = [(1, None, one), (2, one, two), (3, two, None)]
    assert await log_of(registrations) == whole
    assert await log_of(registrations, after=1, limit=1) == whole[1:2]


async def test_a_write_for_a_revision_that_is_past_changes_nothing(registrations):
    await registrations.insert(registration(1))
    assert await registrations.insert(registration(2), revision=0) is Outcome.OUTDATED
    assert await registrations.fetch("", "urn:r:2") is None
    newer = registration(1).evolve(version=2)
    assert await registrations.replace(newer, revision=0) is Outcome.OUTDATED
    assert (await registrations.fetch("", "urn:r:1")).version == 1
    assert await registrations.insert(registration(2), revision=1) is Outcome.DONE
    assert [number for number, *_ in await log_of(registrations)] == [1, 2]


async def test_of_many_that_looked_at_the_same_revision_one_is_written(registrations):
    await registrations.insert(registration(0))
    tries = [registrations.insert(registration(number), revision=1) for number in range(1, 9)]
    outcomes = await asyncio.gather(*tries)
    assert sorted(outcome.name for outcome in outcomes) == ["DONE"] + ["OUTDATED"] * 7


async def test_many_at_once_lose_nothing(registrations):
    await asyncio.gather(*[registrations.insert(registration(number)) for number in range(9)])
    assert [number for number, *_ in await log_of(registrations)] == list(range(1, 10))


@pytest.mark.parametrize(
    ("types", "names", "expected"),
    [
        ((), (), {1, 2, 3, 4}),
        (("https://e.org/T",), (), {1, 3, 4}),
        (("https://e.org/U",), (), {2, 3, 4}),
        (("https://e.org/X",), (), {3}),
        ((), ("https://e.org/p",), {1, 2, 3}),
        ((), ("https://e.org/q",), {1, 2, 4}),
        (("https://e.org/U",), ("https://e.org/q",), {2, 4}),
    ],
)
async def test_candidates_are_narrowed_by_types_and_names(registrations, types, names, expected):
    """Those that may match are all among them, the oldest first."""
    for one in (
        registration(1),
        registration(2, types=("https://e.org/U",)),
        registration(3, types=(), names=("https://e.org/p",)),
        registration(4, types=("https://e.org/T", "https://e.org/U"), names=("https://e.org/q",)),
        registration(5, in_tenant="other"),
    ):
        await registrations.insert(one)
    selectors = (EntitySelector(types=(types,)),) if types else ()
    query = RegistrationQuery(selectors=selectors, attributes=frozenset(names))
    found = [int(one.id[-1]) async for one in registrations.candidates("", query)]
    assert set(found) == expected
    assert found == sorted(found)


async def test_proxied_ones_are_found(registrations):
    await registrations.insert(registration(1))
    await registrations.insert(registration(2, mode="redirect"))
    await registrations.insert(registration(3, mode="exclusive"))
    assert {one.id for one in await registrations.find_proxied("")} == {"urn:r:2", "urn:r:3"}


async def test_what_has_expired_is_found_and_only_that_deleted(registrations):
    await registrations.insert(registration(1, expiresAt="2026-11-22T06:30:00Z"))
    await registrations.insert(registration(2, expiresAt="2999-01-01T00:00:00Z"))
    await registrations.insert(registration(3, in_tenant="north", expiresAt="2026-11-22T07:00:00Z"))
    due = await registrations.find_expired(LATER, limit=10)
    assert sorted(due) == [("", "urn:r:1"), ("north", "urn:r:3")]
    assert await registrations.find_expired(LATER, limit=1) in ([due[0]], [due[1]])
    assert await registrations.delete("", "urn:r:1", expired_by=LATER)
    assert not await registrations.delete("", "urn:r:2", expired_by=LATER)
    assert await registrations.fetch("", "urn:r:2") is not None


async def test_old_changes_are_forgotten_but_for_the_latest(registrations):
    for number in (1, 2, 3):
        await registrations.insert(registration(number))
    await registrations.forget("", before="2020-01-01T00:00:00.000000Z")
    assert len(await log_of(registrations)) == 3
    await registrations.forget("", before="2999-01-01T00:00:00.000000Z")
    assert [revision for revision, *_ in await log_of(registrations)] == [3]


async def test_changes_are_signalled(registrations, databases):
    signals = MongoRegistrationSignals(databases)
    assert await signals.read() == {}
    await registrations.insert(registration(1, in_tenant="north"))
    before = await signals.read()
    await registrations.insert(registration(1, in_tenant="north"))
    assert await signals.read() == before
    await registrations.delete("north", "urn:r:1")
    assert (await signals.read())["north"] > before["north"]
    assert "north" in await signals.tenants()
