"""The sample city's configuration, run by the host with a real mosquitto."""

from __future__ import annotations

import asyncio
from pathlib import Path

from adapters.runtime.configuration import read_configuration
from adapters.runtime.host import Host
from adapters.runtime.testing import TestBroker

DEMO = Path(__file__).parents[3] / "deploy" / "demo"
OPEN_DATA = {
    "BabyStation",
    "BicycleParking",
    "ChildcareFacility",
    "Defibrillator",
    "EvacuationSite",
    "FireWaterSource",
    "OffStreetParking",
    "PublicToilet",
    "TouristDestination",
    "WifiPointOfInterest",
}
SENSORS = {
    "AirQualityObserved": 1,
    "IndoorEnvironmentObserved": 1,
    "WaterObserved": 1,
    "WeatherObserved": 2,
}


def number_of(entities, kind):
    return sum(one["type"] == kind for one in entities.values())


def test_every_file_has_its_source_and_licence():
    notice = (DEMO / "city" / "NOTICE.md").read_text("utf-8")
    assert "PDL1.0" in notice
    assert "焼津市" in notice
    for file in (DEMO / "city").glob("*.csv"):
        assert f"`{file.name}`" in notice


async def test_open_data_and_sensors_arrive(mosquitto, tmp_path, monkeypatch):
    monkeypatch.setenv("MUTSURA_MQTT_URL", mosquitto.url)
    async with TestBroker().running() as broker:
        configuration = await asyncio.to_thread(
            read_configuration, DEMO / "adapters.yaml", broker_url=broker.url, data=tmp_path
        )
        running = asyncio.ensure_future(Host(configuration).run())
        while any(number_of(broker.entities, one) < n for one, n in SENSORS.items()) or any(
            not number_of(broker.entities, one) for one in OPEN_DATA
        ):
            assert not running.done()
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert number_of(broker.entities, "Defibrillator") > 70
    weather = next(one for one in broker.entities.values() if one["type"] == "WeatherObserved")
    assert weather["temperature"]["unitCode"] == "CEL"
    assert weather["location"]["value"]["type"] == "Point"
    assert 0 <= weather["relativeHumidity"]["value"] <= 1
