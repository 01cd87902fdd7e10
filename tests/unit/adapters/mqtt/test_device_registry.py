"""Which group and device a message finds."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mqtt.configuration import Device, Group
from adapters.mqtt.measure import Message, Unusable
from adapters.mqtt.observations import MessageReader
from adapters.mqtt.provisioning_errors import DuplicateDevice, DuplicateGroup
from adapters.mqtt.registry import Registry
from adapters.mqtt.topics import IOT_AGENT_RULES, Router, TopicRule, match

NOW = "2026-06-01T00:00:00.000000Z"


def group(apikey: str = "k", resource: str = "/iot/json", **document: Any) -> Group:
    service = document.pop("service", "city")
    return Group(service, "/", resource, apikey, {"entity_type": "Sensor", **document})


def device(device_id: str, apikey: str = "k", **document: Any) -> Device:
    return Device(document.pop("service", "city"), "/", apikey, device_id, document)


def registry(*items: Group | Device) -> Registry:
    one = Registry()
    one.fill(
        [item for item in items if isinstance(item, Group)],
        [item for item in items if isinstance(item, Device)],
    )
    return one


def found(one: Registry, topic: str, payload: bytes = b'{"t": 1}') -> tuple[str, str]:
    (observation,) = MessageReader(Router(IOT_AGENT_RULES), one).read(Message(topic, payload, NOW))
    (entity,) = observation.translation.entities
    return observation.profile.service, entity["id"]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("/json/k/d1/attrs", b'{"t": 1}'),
        ("json/k/d1/attrs", b'{"t": 1}'),
        ("/json/k/d1/attrs/t", b"1"),
        ("/k/d1/attrs", b'{"t": 1}'),
        ("/k/d1/attrs/t", b"1"),
    ],
)
def test_topics_of_iot_agent_json(topic: str, payload: bytes) -> None:
    assert found(registry(group()), topic, payload) == ("city", "urn:ngsi-ld:Sensor:d1")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("/ul/k/d1/attrs", b"t|1"),
        ("ul/k/d1/attrs", b"t|1"),
        ("/ul/k/d1/attrs/t", b"1"),
        ("/k/d1/attrs", b"t|1"),
        ("/k/d1/attrs/t", b"1"),
    ],
)
def test_topics_of_ultralight(topic: str, payload: bytes) -> None:
    one = registry(group(resource="/iot/d"))
    assert found(one, topic, payload) == ("city", "urn:ngsi-ld:Sensor:d1")


@pytest.mark.parametrize(
    "topic", ["/json/k/d1", "/json/k/d1/attrs/a/b", "/json//d1/attrs", "json/k/d1/cmdexe", "x", ""]
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(Unusable, match="no rule matches"):
        found(registry(group()), topic)


def test_a_resource_of_its_own_does_not_keep_a_group_from_being_found() -> None:
    assert found(registry(group(resource="/my/own")), "/json/k/d1/attrs")[0] == "city"


def test_json_and_ultralight_may_share_an_apikey() -> None:
    one = registry(group(), group(resource="/iot/d", entity_type="Old"))
    assert found(one, "/json/k/d1/attrs")[1] == "urn:ngsi-ld:Sensor:d1"
    assert found(one, "/ul/k/d1/attrs", b"t|1")[1] == "urn:ngsi-ld:Old:d1"
    with pytest.raises(Unusable, match="several groups"):
        found(one, "/k/d1/attrs")


def test_an_unknown_apikey_is_refused_with_the_remedy() -> None:
    with pytest.raises(Unusable, match="POST /iot/groups"):
        found(registry(group()), "/json/other/d1/attrs")


def test_a_device_needs_no_group() -> None:
    one = registry(device("d1", entity_type="Lamp"))
    assert found(one, "/json/k/d1/attrs") == ("city", "urn:ngsi-ld:Lamp:d1")


def test_a_device_of_two_services_is_refused_unless_a_group_decides() -> None:
    one = registry(device("d1"), device("d1", service="town"))
    with pytest.raises(Unusable, match="exists in city/, town/"):
        found(one, "/json/k/d1/attrs")
    one.add_group(group(service="town"))
    assert found(one, "/json/k/d1/attrs")[0] == "town"


def test_autoprovision_false_takes_provisioned_devices_only() -> None:
    one = registry(group(autoprovision=False), device("d1"))
    assert found(one, "/json/k/d1/attrs")[0] == "city"
    with pytest.raises(Unusable, match="autoprovision false"):
        found(one, "/json/k/d2/attrs")


def test_devices_are_discovered_once() -> None:
    one = registry(group())
    for _ in range(2):
        found(one, "/json/k/d1/attrs")
    assert [item.device_id for item in one.take_discovered()] == ["d1"]
    assert one.take_discovered() == []


def test_changes_show_with_the_next_message() -> None:
    one = registry(group(), device("d1", entity_name="urn:ngsi-ld:Sensor:old"))
    assert found(one, "/json/k/d1/attrs")[1] == "urn:ngsi-ld:Sensor:old"
    one.replace_device(device("d1", entity_name="urn:ngsi-ld:Sensor:new"))
    assert found(one, "/json/k/d1/attrs")[1] == "urn:ngsi-ld:Sensor:new"
    one.remove_device(device("d1", entity_name="urn:ngsi-ld:Sensor:new"))
    assert found(one, "/json/k/d1/attrs")[1] == "urn:ngsi-ld:Sensor:d1"
    one.replace_group(group(entity_type="Other"))
    assert found(one, "/json/k/d1/attrs")[1] == "urn:ngsi-ld:Other:d1"


def test_euis_are_found_in_either_case() -> None:
    one = registry(group(), device("A84041FFFF000001", entity_type="Lamp"))
    assert found(one, "/json/k/a84041ffff000001/attrs")[1].startswith("urn:ngsi-ld:Lamp:")
    one.replace_device(device("A84041FFFF000001", entity_type="Door"))
    assert found(one, "/json/k/a84041ffff000001/attrs")[1].startswith("urn:ngsi-ld:Door:")


def test_duplicates_are_refused() -> None:
    one = registry(group(), device("d1"))
    with pytest.raises(DuplicateGroup):
        one.add_group(group(service="town"))
    with pytest.raises(DuplicateDevice):
        one.add_device(device("d1"))


@pytest.mark.parametrize(
    ("pattern", "topic", "captured"),
    [
        ("a/{device}/b", "a/d1/b", ("", "d1", "", "")),
        ("a/{device}/b", "a/d1/b/c", None),
        ("a/{device}/b", "a//b", None),
        ("+/{device}/{name}", "x/d1/t", ("", "d1", "t", "")),
        ("v3/+/devices/{device}/{event}", "v3/a@t/devices/d1/down/ack", ("", "d1", "", "down/ack")),
        ("v3/+/devices/{device}/{event}", "v3/a@t/devices/d1", None),
        ("{apikey}/{device}", "k/d1", ("k", "d1", "", "")),
    ],
)
def test_patterns(pattern: str, topic: str, captured: tuple[str, ...] | None) -> None:
    route = match(TopicRule(pattern, "json"), topic)
    shown = route and (route.apikey, route.device_id, route.name, route.event)
    assert shown == captured


def test_filters_of_patterns() -> None:
    assert TopicRule("a/{device}/+/{event}", "json").filter() == "a/+/+/#"
    assert TopicRule("{apikey}/{event}/x", "json").filter() == "+/+/x"


def test_a_message_of_too_many_measures_is_refused() -> None:
    one = registry()
    payload = b"[" + b",".join([b'{"t":1}'] * 10_001) + b"]"
    with pytest.raises(Unusable, match="holds 10001 measures; send at most 10000"):
        MessageReader(Router(IOT_AGENT_RULES), one).read(Message("/json/k1/d1/attrs", payload, NOW))
