"""The configuration that gives every payload shape of the field its expected reading."""

from __future__ import annotations

from typing import Any

from adapters.mqtt import families
from adapters.mqtt.observations import MessageReader
from adapters.mqtt.provisioning_documents import device_from, group_from
from adapters.mqtt.registry import Registry
from adapters.mqtt.topics import IOT_AGENT_RULES, Router, TopicRule

CITY = "/city"
NUMBER = {"type": "Number"}


def _attribute(object_id: str, name: str, expression: str | None = None, **more: Any) -> Any:
    return {"object_id": object_id, "name": name, "expression": expression, **NUMBER, **more}


GROUPS = [
    {"resource": "/iot/d", "apikey": "4jggokgpepnvsb2uv4s40d59ov", "entity_type": "Device"},
    {"resource": "/iot/d", "apikey": "apikey", "entity_type": "Device"},
    {"resource": "/iot/json", "apikey": "apikey", "entity_type": "Device"},
    {
        "resource": CITY,
        "apikey": "env",
        "entity_type": "WeatherObserved",
        "timezone": "Asia/Tokyo",
        "attributes": [
            _attribute("temp", "temperature", metadata={"unitCode": "CEL"}),
            _attribute("hum", "relativeHumidity", "hum / 100"),
        ],
    },
    {"resource": CITY, "apikey": "rain", "entity_type": "WeatherObserved"},
    {
        "resource": CITY,
        "apikey": "milesight",
        "entity_type": "AirQualityObserved",
        "internal_attributes": {"codec": "milesight"},
        "attributes": [
            _attribute("battery", "batteryLevel", "battery / 100"),
            _attribute("humidity", "relativeHumidity", "humidity / 100"),
            _attribute("pressure", "atmosphericPressure"),
        ],
    },
    {
        "resource": CITY,
        "apikey": "meters",
        "entity_type": "MeterObserved",
        "explicitAttrs": True,
        "attributes": [
            _attribute("value", "totalActiveEnergyImport", metadata={"unitCode": "KWH"})
        ],
    },
    {
        "resource": CITY,
        "apikey": "cameras",
        "entity_type": "CrowdFlowObserved",
        "attributes": [
            _attribute("in", "peopleCountTowards"),
            _attribute("out", "peopleCountAway"),
            {"object_id": "from", "name": "countedSince", "type": "DateTime"},
        ],
    },
    {
        "resource": CITY,
        "apikey": "vehicles",
        "entity_type": "Vehicle",
        "explicitAttrs": True,
        "attributes": [
            {"name": "location", "type": "geo:point", "expression": "lat + ',' + lon"},
            _attribute("soc", "batteryLevel", "soc / 100"),
            _attribute("speed_kmh", "speed", metadata={"unitCode": "KMH"}),
        ],
    },
]
DEVICES = [
    {
        "device_id": "24E124126A000002",
        "apikey": "things-stack",
        "internal_attributes": [{"codec": "milesight"}],
    },
    {
        "device_id": "A84041FFFF000001",
        "apikey": "milesight",
        "internal_attributes": {"codec": "dragino-lht65"},
    },
]
RULES = (
    TopicRule(
        "city/env/{device}/measure", "json", CITY, "env", time=("ts", "timestamp", "datetime")
    ),
    TopicRule(
        "city/rain/{device}",
        "columns",
        CITY,
        "rain",
        time=("time",),
        columns=("time", "precipitation", "-"),
    ),
    TopicRule("city/{device}/{name}", "value", CITY, "env"),
    TopicRule("lora/{device}/up", "frame", CITY, "milesight"),
    TopicRule(
        "energykey/meters/+/reading", "json", CITY, "meters", device="$.meter", time=("time",)
    ),
    TopicRule("camera/{device}/count", "json", CITY, "cameras", time=("to",)),
    TopicRule("ev/{device}/pos", "json", CITY, "vehicles", time=("t",)),
)


def reader() -> MessageReader:
    """Return a reader with the families and the groups above."""
    registry = Registry()
    chosen = families.names()
    for group in families.groups(chosen, "", "Asia/Tokyo"):
        registry.add_group(group)
    for document in GROUPS:
        registry.add_group(group_from(document, "", "/", "group"))
    for document in DEVICES:
        registry.add_device(device_from(document, "", "/", "device"))
    return MessageReader(Router((*RULES, *IOT_AGENT_RULES, *families.rules(chosen))), registry)
