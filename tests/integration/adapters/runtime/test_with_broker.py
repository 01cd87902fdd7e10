"""The writer and the client against the real broker: what `TestBroker` does must be true."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from adapters.runtime.batch import Written
from adapters.runtime.broker_client import BrokerAddress, BrokerClient
from adapters.runtime.errors import Rejected
from adapters.runtime.schemas import MODELS_CONTEXT
from adapters.runtime.session import broker_session
from adapters.runtime.writer import Writer
from adapters.runtime.writing import WriterLimits
from broker.app import build_api
from broker.config import Settings

OBSERVED = "2026-11-22T03:00:00Z"


def sensor(number, temperature=21.5, **more):
    return {
        "id": f"urn:ngsi-ld:WeatherObserved:{number}",
        "type": "WeatherObserved",
        "temperature": {
            "type": "Property",
            "value": temperature,
            "unitCode": "CEL",
            "observedAt": OBSERVED,
        },
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [138.32, 34.868333]},
        },
        **more,
    }


@pytest.fixture
async def broker_url(mongodb_uri, database_prefix):
    settings = Settings()
    settings = replace(
        settings,
        mongodb=replace(settings.mongodb, uri=mongodb_uri, database_prefix=database_prefix),
    )
    api = await asyncio.to_thread(build_api, settings)
    async with api.serving(shutdown_timeout=0.1) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"


@asynccontextmanager
async def connected(url, *, tenant=None, context=MODELS_CONTEXT, **options):
    async with broker_session() as session:
        client = BrokerClient(session, BrokerAddress(url, tenant, context))
        async with Writer(client, **options) as writer:
            yield client, writer


async def write_all(writer, entities):
    futures = [await writer.submit(one) for one in entities]
    return await asyncio.gather(*futures, return_exceptions=True)


async def test_created_updated_and_unchanged(broker_url):
    rows = [sensor(n) for n in range(50)]
    async with connected(broker_url, mode="replace", skip_unchanged=True) as (client, writer):
        assert set(await write_all(writer, rows)) == {Written.CREATED}
        assert set(await write_all(writer, rows)) == {Written.UNCHANGED}
        rows[7] = sensor(7, temperature=22)
        assert (await write_all(writer, rows)).count(Written.UPDATED) == 1
        held = await client.entity(rows[7]["id"])
    assert held["temperature"]["value"] == 22


@pytest.mark.parametrize(
    "attribute",
    [
        {"type": "Property", "value": 5.0},
        {"type": "Property", "value": ["a"]},
        {"type": "Property", "value": []},
        {"type": "Property", "value": {"a": [1, {"b": {}}]}},
        {"type": "JsonProperty", "json": {"a": [None, {"@id": 1}]}},
        {"type": "Property", "value": {"@type": "DateTime", "@value": OBSERVED}},
        {"type": "Property", "value": "日本語", "datasetId": "urn:ngsi-ld:Dataset:1"},
        {"type": "LanguageProperty", "languageMap": {"ja": "焼津", "en": ["Yaizu"]}},
        {"type": "Relationship", "object": "urn:ngsi-ld:Device:1"},
        {"type": "Property", "value": 1, "accuracy": {"type": "Property", "value": 0.5}},
        [
            {"type": "Property", "value": 1},
            {"type": "Property", "value": 2, "datasetId": "urn:ngsi-ld:Dataset:1"},
        ],
        {"value": 3, "unitCode": "CEL"},
        {"type": "Point", "coordinates": [138, 34.5]},
    ],
)
async def test_what_was_written_is_recognised_as_unchanged(broker_url, attribute):
    entity = sensor(1, something=attribute)
    async with connected(broker_url, mode="replace", skip_unchanged=True) as (_, writer):
        assert await writer.write(entity) is Written.CREATED
        assert await writer.write(entity) is Written.UNCHANGED


async def test_an_update_keeps_and_a_replacement_removes_other_attributes(broker_url):
    async with connected(broker_url, mode="update") as (client, writer):
        await writer.write(sensor(1, name={"type": "Property", "value": "a"}))
        assert await writer.write(sensor(1)) is Written.UPDATED
        assert "name" in await client.entity(sensor(1)["id"])
    async with connected(broker_url, mode="replace") as (client, writer):
        assert await writer.write(sensor(1)) is Written.UPDATED
        assert "name" not in await client.entity(sensor(1)["id"])


async def test_refusals_are_attributed(broker_url):
    wrong = sensor(3, name={"type": "Property"})
    async with connected(broker_url, skip_unchanged=True) as (client, writer):
        fates = await write_all(writer, [sensor(1), sensor(2), wrong, sensor(4)])
        assert await client.count(type="WeatherObserved") == 3
    assert isinstance(fates[2], Rejected)
    assert "name" in fates[2].detail
    assert [one for one in fates if one is not fates[2]] == [Written.CREATED] * 3


async def test_an_id_that_is_no_uri_is_refused_alone(broker_url):
    wrong = {**sensor(3), "id": "not a uri"}
    async with connected(broker_url) as (_, writer):
        fates = await write_all(writer, [sensor(1), wrong, sensor(4)])
    assert [type(one) for one in fates] == [Written, Rejected, Written]


async def test_instances_of_one_entity_are_applied_in_order(broker_url):
    limits = WriterLimits(batch_items=16)
    steps = [sensor(n % 5, temperature=n) for n in range(200)]
    async with connected(broker_url, limits=limits) as (client, writer):
        fates = await write_all(writer, steps)
        held = await client.entities({sensor(n)["id"]: "WeatherObserved" for n in range(5)})
    assert fates.count(Written.CREATED) == 5
    assert {one["temperature"]["value"] for one in held.values()} == set(range(195, 200))


async def test_tenants_are_apart_and_queries_page(broker_url):
    async with connected(broker_url, tenant="yaizu") as (client, writer):
        await write_all(writer, [sensor(n) for n in range(1200)])
        found = [one async for one in client.query(type="WeatherObserved", q="temperature>20")]
        assert len({one["id"] for one in found}) == 1200
        await client.delete(one["id"] for one in found[:200])
        assert await client.count(type="WeatherObserved") == 1000
    async with connected(broker_url) as (client, _):
        assert await client.entity(sensor(1)["id"]) is None


async def test_a_tenant_nobody_wrote_to_holds_nothing(broker_url):
    async with broker_session() as session:
        client = BrokerClient(session, BrokerAddress(broker_url, "newtown", MODELS_CONTEXT))
        wanted = {"urn:ngsi-ld:WeatherObserved:1": "WeatherObserved"}
        assert await client.entities(wanted) == {}
        assert [one async for one in client.query(type="WeatherObserved")] == []
        assert await client.count(type="WeatherObserved") == 0
