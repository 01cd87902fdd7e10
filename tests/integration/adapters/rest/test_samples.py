"""The published JMA and GBFS samples, served by a real HTTP server."""

from __future__ import annotations

import csv
import io

import orjson

from adapters.rest.source import Poller
from adapters.runtime.testing import adapter_context
from tests.integration.adapters.rest.polls import (
    AMEDAS,
    GBFS,
    amedas_settings,
    gbfs_settings,
    polled,
)
from tests.samples import SAMPLES, needs_samples

pytestmark = needs_samples


def sample(name):
    file = SAMPLES / "realtime" / name
    return file.read_bytes() if file.is_file() else b"{}"


TABLE = sample("jma_amedastable.json")
MAP = sample("jma_amedas_map_20210224150000.json")
STATUSES = [sample("gbfs_station_status_2.json"), sample("gbfs_station_status_1.json")]
STATIONS = sample("gbfs_station_information.csv").decode()


def gbfs_information():
    """The station_information document of the system, whose capture was kept as CSV."""
    numbers = {"lat": float, "lon": float, "capacity": int}
    stations = [
        {name: numbers.get(name, str)(value) for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(STATIONS))
    ]
    return orjson.dumps({"last_updated": 1, "ttl": 15, "data": {"stations": stations}})


async def test_amedas_becomes_weather_observations(partner, broker, tmp_path):
    settings = amedas_settings(partner, TABLE, MAP)
    [outcomes] = await polled(settings, AMEDAS, broker, tmp_path)
    assert outcomes == {"created": 1295}
    wakkanai = broker.entities["urn:ngsi-ld:WeatherObserved:jma:11016"]
    assert wakkanai["name"]["languageMap"] == {"ja": "稚内", "en": "Wakkanai"}
    assert wakkanai["location"]["value"] == {"type": "Point", "coordinates": [141.678333, 45.415]}
    assert wakkanai["temperature"]["value"] == -6.8
    assert wakkanai["relativeHumidity"]["value"] == 0.9
    assert wakkanai["windDirection"]["value"] == 202.5
    assert wakkanai["precipitation"]["value"] == 0.5


async def test_doubtful_and_missing_values_are_absent(partner, broker, tmp_path):
    await polled(amedas_settings(partner, TABLE, MAP), AMEDAS, broker, tmp_path)
    elements = {
        "temperature": "temp",
        "relativeHumidity": "humidity",
        "windSpeed": "wind",
        "precipitation": "precipitation1h",
        "snowHeight": "snow",
    }
    for station, values in orjson.loads(MAP).items():
        entity = broker.entities[f"urn:ngsi-ld:WeatherObserved:jma:{station}"]
        for attribute, element in elements.items():
            value, quality = values.get(element, [None, None])
            assert (attribute in entity) == (quality == 0 and value is not None)
        value, quality = values.get("windDirection", [None, None])
        assert ("windDirection" in entity) == (quality == 0 and value not in (0, None))


async def test_an_unchanged_map_is_not_written_again(partner, broker, tmp_path):
    settings = amedas_settings(partner, TABLE, MAP)
    first, second = await polled(settings, AMEDAS, broker, tmp_path, (1000.0, 1600.0))
    assert (sum(first.values()), sum(second.values())) == (1295, 0)


async def test_gbfs_writes_only_the_stations_that_changed(partner, broker, tmp_path):
    settings = gbfs_settings(partner, gbfs_information(), STATUSES[0])
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        poller = Poller(context, GBFS)
        first = await poller.poll(0.0)
        before = {one: dict(entity) for one, entity in broker.entities.items()}
        partner.documents["/station_status.json"] = STATUSES[1]
        second = await poller.poll(60.0)
    assert set(first) <= {"created", "dead-letter"}
    assert sum(first.values()) == len(orjson.loads(STATUSES[0])["data"]["stations"])
    differing = sum(before.get(one) != entity for one, entity in broker.entities.items())
    assert second["updated"] + second["created"] == differing
    for one in orjson.loads(STATUSES[1])["data"]["stations"]:
        station = broker.entities.get(
            f"urn:ngsi-ld:BikeHireDockingStation:test:{one['station_id']}"
        )
        known = f"\n{one['station_id']}," in STATIONS
        assert (station is not None) == known
        if known:
            assert station["availableBikeNumber"]["value"] == one["num_bikes_available"]
            assert station["freeSlotNumber"]["value"] == one["num_docks_available"]
