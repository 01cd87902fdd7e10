"""Payloads of device families as they come from the field: units and names must be right."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.mqtt.measure import Message
from tests.unit.adapters.mqtt.shapes import reader

RECEIVED = "2026-01-01T00:00:00.000000Z"
EUI = "24e124713c141000"
UP = f"application/6/device/{EUI}/event/up"


def entities(topic: str, body: Any) -> list[dict[str, Any]]:
    observations = reader().read(Message(topic, orjson.dumps(body), RECEIVED))
    assert not [fault for one in observations for fault in one.translation.faults]
    return [entity for one in observations for entity in one.translation.entities]


def read(topic: str, body: Any) -> dict[str, Any]:
    """Return the values of default instances by attribute."""
    return {
        name: one if isinstance(one, str) else one["value"]
        for entity in entities(topic, body)
        for name, instances in entity.items()
        for one in (instances if isinstance(instances, list) else [instances])
        if isinstance(one, str) or "datasetId" not in one
    }


def instances(topic: str, body: Any) -> dict[tuple[str, str], Any]:
    """Return the values of one entity by attribute and datasetId (without the common part)."""
    [entity] = entities(topic, body)
    return {
        (name, one.get("datasetId", "").removeprefix("urn:ngsi-ld:Dataset:")): one["value"]
        for name, attribute in entity.items()
        if name not in ("id", "type")
        for one in (attribute if isinstance(attribute, list) else [attribute])
    }


def test_each_of_several_sensors_of_one_kind_has_its_value_by_its_address():
    body = {
        "DS18B20-1": {"Id": "01131B0A7C6A", "Temperature": 50},
        "DS18B20-2": {"Id": "01131B0A7C6B", "Temperature": 68},
        "TempUnit": "F",
    }
    found = {
        ("temperature", "DS18B20:01131B0A7C6A"): 10,
        ("temperature", "DS18B20:01131B0A7C6B"): 20,
    }
    assert instances("tele/boiler/SENSOR", body) == found
    changed = {"DS18B20-1": body["DS18B20-2"], "DS18B20-2": body["DS18B20-1"], "TempUnit": "F"}
    assert instances("tele/boiler/SENSOR", changed) == found
    numbered = {"AM2301-04": {"Temperature": 1}, "AM2301-14": {"Temperature": 2, "Humidity": 50}}
    assert instances("tele/boiler/SENSOR", numbered) == {
        ("temperature", "AM2301:04"): 1,
        ("temperature", "AM2301:14"): 2,
        ("relativeHumidity", "AM2301:14"): 0.5,
    }


def test_what_a_lesser_sensor_measures_as_well_is_kept_beside():
    body = {
        "DS18B20": {"Id": "0113", "Temperature": 3},
        "BME280": {"Temperature": None, "Humidity": 50},
        "BMP280": {"Temperature": 19, "Pressure": 1009},
    }
    assert instances("tele/office/SENSOR", body) == {
        ("relativeHumidity", ""): 0.5,
        ("atmosphericPressure", ""): 1009,
        ("temperature", "BMP280"): 19,
        ("temperature", "DS18B20"): 3,
    }


def test_the_phases_of_a_meter_are_instances():
    energy = {"Total": 12, "Power": [10, 20], "Voltage": 101, "Current": [0.1, 0.2]}
    assert instances("tele/meter/SENSOR", {"ENERGY": energy}) == {
        ("totalActiveEnergyImport", ""): 12,
        ("voltage", ""): 101,
        ("activePower", "ENERGY:1"): 10,
        ("activePower", "ENERGY:2"): 20,
        ("current", "ENERGY:1"): 0.1,
        ("current", "ENERGY:2"): 0.2,
    }


def test_the_channels_of_shelly_are_instances():
    params = {
        "ts": 1764115200.12,
        "switch:0": {"id": 0, "apower": 1, "voltage": 100},
        "switch:1": {"id": 1, "apower": 2, "aenergy": {"total": 5000}},
        "temperature:100": {"id": 100, "tC": 5},
        "em1:1": {"id": 1, "act_power": 7},
        "em1data:1": {"id": 1, "total_act_energy": 3000},
    }
    assert instances("plus2pm/events/rpc", {"params": params}) == {
        ("activePower", ""): 1,
        ("voltage", ""): 100,
        ("activePower", "switch:1"): 2,
        ("totalActiveEnergyImport", "switch:1"): 5,
        ("temperature", "temperature:100"): 5,
        ("activePower", "em1:1"): 7,
        ("totalActiveEnergyImport", "em1:1"): 3,
    }


@pytest.mark.parametrize(("unit", "given"), [("hPa", 1013.25), ("mmHg", 760), ("inHg", 29.92126)])
def test_pressures_of_tasmota_are_in_hectopascal(unit, given):
    body = {"BME280": {"Pressure": given}, "PressureUnit": unit}
    assert read("tele/o/SENSOR", body)["atmosphericPressure"] == pytest.approx(1013.25, abs=0.01)


def test_the_local_time_of_tasmota_is_read_in_the_zone_of_the_setting():
    body = {"Time": "2025-11-26T09:00:00", "BME280": {"Temperature": 23.4}}
    [entity] = entities("tele/o/SENSOR", body)
    assert entity["temperature"]["observedAt"] == "2025-11-26T00:00:00Z"


@pytest.mark.parametrize("time", ["1970-01-01T00:00:05", "2000-01-01T09:00:12", 315964805, 2024])
def test_a_device_whose_clock_is_not_set_measures_when_its_message_arrives(time):
    [entity] = entities("tele/o/SENSOR", {"Time": time, "BME280": {"Temperature": 23.4}})
    assert entity["temperature"]["observedAt"] == RECEIVED


@pytest.mark.parametrize("percent", [92, 0])
def test_the_battery_of_a_decoded_uplink_is_a_share_once(percent):
    body = {"deviceInfo": {"devEui": EUI}, "object": {"battery": percent, "co2": 412}}
    found = read(UP, body)
    assert found["batteryLevel"] == percent / 100
    assert "battery" not in found


def test_the_battery_of_a_status_is_a_share():
    body = {"deviceInfo": {"devEui": EUI}, "batteryLevel": 88.3, "margin": 10}
    assert read(UP.replace("/up", "/status"), body)["batteryLevel"] == 0.883


def test_an_uplink_without_a_battery_has_no_battery_level():
    found = read(UP, {"deviceInfo": {"devEui": EUI}, "object": {"co2": 412}})
    assert "batteryLevel" not in found


def lorawan(server: str, values: dict[str, Any]) -> dict[str, Any]:
    if server == "chirpstack":
        return read(UP, {"deviceInfo": {"devEui": EUI}, "object": values})
    ids, uplink = {"dev_eui": EUI}, {"decoded_payload": values}
    return read("v3/a@ttn/devices/d/up", {"end_device_ids": ids, "uplink_message": uplink})


@pytest.mark.parametrize("server", ["chirpstack", "things-stack"])
def test_a_battery_in_volts_is_no_share(server):
    found = lorawan(server, {"battery": 3.36})
    assert found["batteryVoltage"] == 3.36
    assert not found.keys() & {"batteryLevel", "battery"}
    assert lorawan(server, {"BatV": 3.05})["batteryVoltage"] == 3.05
    for percent in (0, 3, 88.5, 100):
        found = lorawan(server, {"battery": percent})
        assert found["batteryLevel"] == percent / 100
        assert "batteryVoltage" not in found


@pytest.mark.parametrize("server", ["chirpstack", "things-stack"])
@pytest.mark.parametrize("value", [101325, 101.3, 0.42, -0.01])
def test_a_pressure_that_cannot_be_of_the_air_in_hectopascal_keeps_its_name(server, value):
    found = lorawan(server, {"pressure": value})
    assert (found["pressure"], "atmosphericPressure" in found) == (value, False)
    assert lorawan(server, {"pressure": 1013.2})["atmosphericPressure"] == 1013.2
    assert "pressure" not in lorawan(server, {"pressure": 1013.2})
    assert not lorawan(server, {"co2": 412}).keys() & {"pressure", "atmosphericPressure"}


def test_the_eui_of_chirpstack_3_is_hexadecimal_whatever_it_is_sent_as():
    body = {"devEUI": "JOEkcTwUEAA=", "object": {"temperature": 21.5}}
    assert read(UP, body)["id"] == f"urn:ngsi-ld:Device:{EUI}"
    assert read(UP, {**body, "devEUI": EUI})["id"] == f"urn:ngsi-ld:Device:{EUI}"


@pytest.mark.parametrize(
    "sensor", ["BME280", "SHT3X", "DHT22", "AM2301", "SI7021", "DHT11", "SHT4X"]
)
def test_sensors_of_tasmota(sensor):
    body = {sensor: {"Temperature": 21.2, "Humidity": 40, "DewPoint": 7}, "TempUnit": "C"}
    found = read("tele/office/SENSOR", body)
    assert (found["temperature"], found["relativeHumidity"], found["dewPoint"]) == (21.2, 0.4, 7)


def test_of_several_sensors_of_tasmota_the_better_one_counts():
    body = {"DS18B20": {"Temperature": 30}, "BME280": {"Temperature": 21, "Pressure": 1013.2}}
    found = read("tele/office/SENSOR", body)
    assert (found["temperature"], found["atmosphericPressure"]) == (21, 1013.2)
    barometer = {"BMP280": {"Temperature": 20, "Pressure": 1009}}
    assert read("tele/office/SENSOR", barometer)["atmosphericPressure"] == 1009


def test_degrees_fahrenheit_are_not_taken_for_celsius():
    for sensor in ("AM2301", "DS18B20"):
        body = {sensor: {"Temperature": 68, "DewPoint": 50}, "TempUnit": "F"}
        found = read("tele/office/SENSOR", body)
        assert found["temperature"] == 20
    assert read("tele/o/SENSOR", {"AM2301": {"DewPoint": 50}, "TempUnit": "F"})["dewPoint"] == 10


@pytest.mark.parametrize("unit", ["C", "F"])
def test_a_sensor_without_a_reading_measures_nothing(unit):
    body = {"DHT11": {"Temperature": None, "Humidity": None}, "TempUnit": unit}
    assert read("tele/office/SENSOR", body) == {}
    assert "temperature" not in read("tele/o/SENSOR", {"ENERGY": {"Power": 1}, "TempUnit": unit})


def test_the_figures_of_dragino_are_mapped_behind_the_things_stack_too():
    uplink = {"decoded_payload": {"TempC_SHT": "26.92", "Hum_SHT": "68.0"}}
    found = read("v3/a@ttn/devices/d/up",
                 {"end_device_ids": {"dev_eui": EUI}, "uplink_message": uplink})  # fmt: skip
    assert found["temperature"] == 26.92
    assert found["relativeHumidity"] == 0.68


def test_meters_and_batteries_of_shelly():
    three = {"ts": 1772015093.2, "em:0": {"total_act_power": 103.1}}
    assert read("pro3em/events/rpc", {"params": three})["activePower"] == 103.1
    battery = {"ts": 1772015093.2, "devicepower:0": {"battery": {"percent": 90}}}
    assert read("ht/events/rpc", {"params": battery})["batteryLevel"] == 0.9


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"SCD40": {"CarbonDioxide": 650, "Temperature": 21}}, {"co2": 650, "temperature": 21}),
        ({"BH1750": {"Illuminance": 120}}, {"illuminance": 120}),
        ({"PMS5003": {"PM2.5": 9, "PM10": 12}}, {"pm25": 9, "pm10": 12}),
        ({"MHZ19B": {"Model": "B", "CarbonDioxide": 700}}, {"co2": 700}),
    ],
)
def test_air_and_light_of_tasmota(body, expected):
    found = read("tele/office/SENSOR", body)
    assert {name: found[name] for name in expected} == expected


def test_what_no_mapping_of_zigbee_devices_names_is_stored_by_its_name():
    found = read("zigbee2mqtt/leak", {"battery": 100, "water_leak": True, "tamper": False})
    assert (found["water_leak"], found["tamper"], found["batteryLevel"]) == (True, False, 1)
    assert "battery" not in found


@pytest.mark.parametrize("payload", [b'{"state":"offline"}', b"offline"])
def test_whether_a_zigbee_device_is_there_is_not_its_switch(payload):
    message = Message("zigbee2mqtt/plug/availability", payload, RECEIVED)
    (observation,) = reader().read(message)
    (entity,) = observation.translation.entities
    assert entity["deviceState"]["value"] == "offline"
    assert entity.keys() == {"id", "type", "deviceState"}
    switched = read("zigbee2mqtt/plug", {"state": "ON", "power": 40})
    assert (switched["state"], switched["activePower"]) == ("ON", 40)
    assert "deviceState" not in switched


def test_a_status_of_which_a_family_knows_nothing_is_known_to_be_lost():
    body = {"params": {"ts": 1772015093.2, "sys": {"cfg_rev": 3}}}
    message = Message("shelly/events/rpc", orjson.dumps(body), RECEIVED)
    (observation,) = reader().read(message)
    assert observation.translation.unused
