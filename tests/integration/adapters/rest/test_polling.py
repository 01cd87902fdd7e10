"""The polling loop against a real HTTP server: what is asked, when, and what is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from adapters.rest.settings import Settings, SourceSettings
from adapters.rest.source import Poller, read_mapping, run
from adapters.runtime.errors import Misconfigured, RetryLater
from adapters.runtime.testing import adapter_context
from tests.integration.adapters.rest.polls import (
    AMEDAS,
    GBFS,
    amedas_settings,
    gbfs_settings,
    polled,
)

TABLE = {
    "10001": {"lat": [34, 52.1], "lon": [138, 19.2], "alt": 7, "kjName": "焼津", "enName": "Yaizu"},
    "10002": {"lat": [35, 0], "lon": [138, 0], "alt": 900, "kjName": "山", "enName": "Mountain"},
    "10003": {"lat": [-0.0, 30], "lon": [139, 0], "alt": 1, "kjName": "海", "enName": "Sea"},
}
MAP = {
    "10001": {
        "temp": [-6.8, 0],
        "humidity": [7, 0],
        "precipitation1h": [0, 0],
        "windDirection": [9, 0],
        "wind": [1, 0],
        "pressure": [1013.2, 0],
    },
    "10002": {"temp": [3.2, 5], "windDirection": [0, 0], "wind": [0.1, 0], "snow": [80, 0]},
    "10003": {"temp": [None, None], "windDirection": [16, 0], "snow1h": [0, None]},
}
INFORMATION = {
    "ttl": 15,
    "data": {
        "stations": [
            {"station_id": "1", "name": "駅前", "lat": 34.86, "lon": 138.31, "capacity": 10},
            {"station_id": "2", "name": "港", "lat": 34.87, "lon": 138.33, "capacity": 5},
        ]
    },
}


def status(bikes_at_1=3, **changes):
    stations = [
        {
            "station_id": "1",
            "num_bikes_available": bikes_at_1,
            "num_docks_available": 10 - bikes_at_1,
            "is_installed": True,
            "is_renting": True,
            "last_reported": 1733010147,
            **changes,
        },
        {
            "station_id": "2",
            "num_vehicles_available": 5,
            "num_docks_available": 0,
            "is_renting": False,
            "last_reported": 1733010147,
        },
    ]
    return orjson.dumps({"ttl": 15, "data": {"stations": stations}})


def amedas(partner, table=TABLE, values=MAP):
    return amedas_settings(partner, orjson.dumps(table), orjson.dumps(values))


def gbfs(partner):
    return gbfs_settings(partner, orjson.dumps(INFORMATION), status())


async def test_amedas_values_units_times_and_joins(partner, broker, tmp_path):
    assert await polled(amedas(partner), AMEDAS, broker, tmp_path) == [{"created": 3}]
    yaizu, mountain, sea = (
        broker.entities[f"urn:ngsi-ld:WeatherObserved:jma:1000{n}"] for n in (1, 2, 3)
    )
    assert yaizu["location"]["value"]["coordinates"] == [138.32, 34.868333]
    assert yaizu["name"]["languageMap"] == {"ja": "焼津", "en": "Yaizu"}
    assert yaizu["temperature"] == {
        "type": "Property",
        "value": -6.8,
        "unitCode": "CEL",
        "observedAt": "2021-02-24T06:00:00Z",
    }
    assert yaizu["relativeHumidity"]["value"] == 0.07
    assert yaizu["precipitation"]["value"] == 0
    assert yaizu["atmosphericPressure"]["unitCode"] == "A97"
    assert yaizu["windDirection"]["value"] == 202.5
    assert not {"temperature", "windDirection"} & mountain.keys()
    assert mountain["snowHeight"] == {
        "type": "Property",
        "value": 80,
        "unitCode": "CMT",
        "observedAt": "2021-02-24T06:00:00Z",
    }
    assert sea["windDirection"]["value"] == 360
    assert sea["location"]["value"]["coordinates"] == [139.0, -0.5]


async def test_gbfs_joins_status_and_information(partner, broker, tmp_path):
    await polled(gbfs(partner), GBFS, broker, tmp_path)
    first, second = (
        broker.entities[f"urn:ngsi-ld:BikeHireDockingStation:test:{n}"] for n in (1, 2)
    )
    assert first["availableBikeNumber"] == {
        "type": "Property",
        "value": 3,
        "observedAt": "2024-11-30T23:42:27Z",
    }
    assert (first["name"]["value"], first["totalSlotNumber"]["value"]) == ("駅前", 10)
    assert second["availableBikeNumber"]["value"] == 5
    assert (first["status"]["value"], second["status"]["value"]) == (["working"], ["closed"])


async def test_gbfs_3_has_texts_by_language_and_times_as_text(partner, broker, tmp_path):
    settings = gbfs(partner)
    stations = [
        {
            "station_id": "1",
            "name": [{"text": "駅前", "language": "ja"}],
            "lat": 34.86,
            "lon": 138.31,
        }
    ]
    partner.documents["/station_information.json"] = orjson.dumps({"data": {"stations": stations}})
    reported = {"station_id": "1", "last_reported": "2024-12-01T08:42:27+09:00"}
    partner.documents["/station_status.json"] = orjson.dumps(
        {"data": {"stations": [{**reported, "num_vehicles_available": 2}]}}
    )
    await polled(settings, GBFS, broker, tmp_path)
    station = broker.entities["urn:ngsi-ld:BikeHireDockingStation:test:1"]
    assert station["name"]["value"] == "駅前"
    assert station["availableBikeNumber"]["observedAt"] == "2024-11-30T23:42:27Z"


@pytest.mark.parametrize(
    ("station", "status"),
    [
        ({"is_installed": True, "is_renting": True, "is_returning": True}, "working"),
        ({"is_installed": 1, "is_renting": 1, "is_returning": 1}, "working"),
        ({}, "working"),
        ({"is_installed": 0, "is_renting": 1, "is_returning": 1}, "outOfService"),
        ({"is_installed": 1, "is_renting": 0, "is_returning": 0}, "closed"),
        ({"is_renting": False}, "closed"),
        ({"is_renting": False, "is_returning": True, "num_bikes_available": 0}, "empty"),
        ({"is_renting": False, "is_returning": True, "num_bikes_available": 2}, "withIncidence"),
        ({"is_renting": True, "is_returning": False, "num_docks_available": 0}, "full"),
        ({"is_renting": True, "is_returning": False, "num_docks_available": 2}, "withIncidence"),
    ],
)
async def test_the_status_of_a_port(station, status, partner, broker, tmp_path):
    settings = gbfs(partner)
    stated = {"station_id": 1, "last_reported": 1733010135, **station}
    place = {"station_id": 1, "name": "駅前", "lat": 34.86, "lon": 138.31}
    for name, one in (("information", place), ("status", stated)):
        document = {"data": {"stations": [one]}}
        partner.documents[f"/station_{name}.json"] = orjson.dumps(document)
    await polled(settings, GBFS, broker, tmp_path)
    entity = broker.entities["urn:ngsi-ld:BikeHireDockingStation:test:1"]
    assert entity["status"]["value"] == [status]


async def test_an_unchanged_poll_writes_nothing_also_after_a_restart(partner, broker, tmp_path):
    settings = amedas(partner)
    first, second = await polled(settings, AMEDAS, broker, tmp_path, (1000.0, 1600.0))
    assert (sum(first.values()), sum(second.values())) == (3, 0)
    assert "If-None-Match" in partner.requested("/map/20210224150000.json")[1]
    assert len(partner.requested("/amedastable.json")) == 1
    requests = len(broker.requests)
    assert await polled(settings, AMEDAS, broker, tmp_path, (2200.0,)) == [{}]
    assert len(broker.requests) == requests


async def test_a_document_is_asked_for_again_when_it_is_due(partner, broker, tmp_path):
    day = 86_400.0
    await polled(amedas(partner), AMEDAS, broker, tmp_path, (0.0, day - 1, day + 1))
    assert len(partner.requested("/amedastable.json")) == 2


async def test_a_partner_without_validators_is_compared_by_hash(partner, broker, tmp_path):
    settings = gbfs(partner)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        poller = Poller(context, GBFS)
        partner.answers["/station_status.json"] = web.Response(body=status())
        assert sum((await poller.poll(0.0)).values()) == 2
        partner.answers["/station_status.json"] = web.Response(body=status())
        assert sum((await poller.poll(60.0)).values()) == 0


async def test_only_what_changed_is_written(partner, broker, tmp_path):
    settings = gbfs(partner)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        poller = Poller(context, GBFS)
        await poller.poll(0.0)
        partner.documents["/station_status.json"] = status(bikes_at_1=4)
        broker.batches.clear()
        assert await poller.poll(60.0) == {"updated": 1, "unchanged": 1}
        assert poller.pause() == 15.0
    assert [one["id"] for batch in broker.batches for one in batch] == [
        "urn:ngsi-ld:BikeHireDockingStation:test:1"
    ]


async def test_what_cannot_be_mapped_or_does_not_fit_is_a_dead_letter(partner, broker, tmp_path):
    broken = {**MAP, "10001": {"temp": [-99999, 0]}, "99999": {"temp": [1, 0]}}
    settings = amedas(partner, values=broken)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        outcomes = await Poller(context, AMEDAS).poll(0.0)
        letters = await context.dead_letters.list()
    assert outcomes == {"created": 2, "dead-letter": 2}
    reasons = {str(one.record["key"]): one.reason for one in letters}
    assert reasons["99999"].endswith("]: station has no '99999', which record.key names")
    assert "temperature: -99999 is less than the minimum" in reasons["10001"]


async def test_a_record_that_is_faulty_at_every_poll_has_one_dead_letter(partner, broker, tmp_path):
    settings = gbfs(partner)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        poller = Poller(context, GBFS)
        for bikes in (-1, -2, -3):
            partner.documents["/station_status.json"] = status(bikes, station_id="7")
            await poller.poll(0.0 - bikes)
            partner.documents["/station_status.json"] = status(bikes)
            await poller.poll(10.0 - bikes)
        letters = await context.dead_letters.list()
    assert len(letters) == 2
    assert "less than the minimum" in letters[1].reason
    assert letters[1].entity["availableBikeNumber"]["value"] == -3


async def test_a_crash_before_the_end_maps_again_and_changes_nothing(partner, broker, tmp_path):
    settings = gbfs(partner)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        await Poller(context, GBFS).poll(0.0)
        await context.checkpoints.delete("stored")
    broker.batches.clear()
    assert await polled(settings, GBFS, broker, tmp_path, (60.0,)) == [{"unchanged": 2}]
    assert broker.batches == []


@pytest.mark.parametrize(
    ("answer", "message", "after"),
    [
        ({"status": 503, "headers": {"Retry-After": "120"}}, "answered 503", 120),
        ({"status": 429}, "raise `every`", None),
        ({"status": 401}, "check the key", None),
        ({"status": 404}, "check the address", None),
        ({"body": b"<html>maintenance</html>"}, "it begins with '<html>", None),
    ],
)
async def test_a_partner_in_trouble_is_asked_later(
    partner, broker, tmp_path, answer, message, after
):
    settings = gbfs(partner)
    partner.answers["/station_status.json"] = web.Response(**answer)
    with pytest.raises(RetryLater, match=message) as caught:
        await polled(settings, GBFS, broker, tmp_path)
    assert caught.value.after == after
    assert broker.entities == {}


async def test_an_answer_that_is_too_large_is_not_taken(partner, broker, tmp_path):
    settings = replace(gbfs(partner), largest_body=100)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        running = asyncio.ensure_future(run(context))
        while "larger than 100 bytes" not in context.health.detail:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert broker.entities == {}


async def test_it_polls_on_until_it_is_stopped(partner, broker, tmp_path):
    settings = replace(gbfs(partner), every=0.02, jitter=0.5)
    partner.documents["/station_status.json"] = status().replace(b'"ttl":15', b'"ttl":0')
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        running = asyncio.ensure_future(run(context))
        while context.health.counters["polls"] < 3:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(broker.entities) == 2


async def test_settings_that_do_not_go_with_the_mapping_are_named(broker, tmp_path):
    with pytest.raises(Misconfigured, match=r"sources\.information: give its `url`"):
        await polled(Settings(mapping=Path("gbfs")), GBFS, broker, tmp_path)
    wrong = Settings(mapping=Path("gbfs"), sources={"statsu": SourceSettings(url="x")})
    with pytest.raises(Misconfigured, match="did you mean 'status'"):
        await polled(wrong, GBFS, broker, tmp_path)


def test_an_unknown_mapping_names_the_nearest():
    with pytest.raises(Misconfigured, match="did you mean 'jma-amedas'"):
        read_mapping(Path("jma-amdas"))
