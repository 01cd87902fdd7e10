"""What an operator sees of the indexes, builds and drops."""

import pytest

from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.model.errors import ResourceNotFound
from broker.model.patching import create_entity
from broker.query.entity_query import EntityQuery
from broker.query.q_parser import parse_q
from broker.storage.mongo.index_advisor import IndexAdvisor, IndexLimits
from broker.storage.mongo.index_report import (
    FORMERLY_GIVEN,
    create_index,
    drop_index,
    list_indexes,
)
from broker.storage.mongo.tenants import Tenants
from tests.terms import NAMESPACE, TERMS


@pytest.fixture
async def tenant(databases):
    await Tenants(databases).ensure("")
    return ""


async def _subjects(databases, *, learned):
    found = await list_indexes(databases, "")
    return {index.subject for index in found if index.is_learned is learned}


async def test_indexes_are_listed_with_what_they_are_about(databases, tenant, store):
    attributes = {f"{NAMESPACE}{name}": [{"type": "Property", "value": 1}] for name in "ab"}
    entity = Entity(id="urn:x:1", types=(f"{NAMESPACE}T",), attributes=attributes)
    await store.apply(tenant, entity.id, create_entity(entity))
    advisor = IndexAdvisor(databases, clock=system_clock, limits=IndexLimits(uses=2))
    query = EntityQuery(condition=parse_q('a>1;b.c[d.e]=="x"', TERMS))
    advisor.observe(tenant, query)
    advisor.observe(tenant, query)
    await advisor.learn(tenant)
    subjects = {f"{NAMESPACE}a", f"{NAMESPACE}b.{NAMESPACE}c[d.e]"}
    assert await _subjects(databases, learned=True) == subjects
    always = await _subjects(databases, learned=False)
    assert {"id", "type", "https://uri.etsi.org/ngsi-ld/location (geometry)"} <= always
    used = [index for index in await list_indexes(databases, tenant) if index.is_learned]
    assert {index.uses for index in used} == {2}
    assert all(index.size > 0 and index.last_use for index in used)


async def test_an_operator_builds_and_drops_an_index(databases, tenant):
    name = await create_index(databases, tenant, f"{NAMESPACE}a", "value")
    await create_index(databases, tenant, f"{NAMESPACE}place", "geometry")
    learned = {f"{NAMESPACE}a", f"{NAMESPACE}place (geometry)"}
    assert await _subjects(databases, learned=True) == learned
    await drop_index(databases, tenant, name)
    assert await _subjects(databases, learned=True) == {f"{NAMESPACE}place (geometry)"}
    for other in (name, "type"):
        with pytest.raises(ResourceNotFound, match="learned_"):
            await drop_index(databases, tenant, other)


async def test_a_tenant_without_entities_has_none(databases):
    assert await list_indexes(databases, "nowhere") == []


@pytest.mark.parametrize(("name", "path"), FORMERLY_GIVEN.items())
async def test_an_index_that_databases_had_from_the_start_can_be_dropped(
    databases, tenant, name, path
):
    with pytest.raises(ResourceNotFound):
        await drop_index(databases, tenant, name)
    await databases.of(tenant)["entities"].create_index(path, name=name)
    await drop_index(databases, tenant, name)
    assert name not in {one.name for one in await list_indexes(databases, tenant)}


async def test_entities_have_few_indexes_from_the_start(databases, tenant):
    location = "https://uri.etsi.org/ngsi-ld/location (geometry)"
    assert await _subjects(databases, learned=False) == {"id", "type", "expiry", location}
