"""docs/mqtt.md: every setting is on it, and its commands work as typed."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import tomllib
from pathlib import Path

import yaml

from adapters.mqtt import families
from adapters.mqtt.settings import Settings, TopicSettings
from adapters.mqtt.topics import FORMATS
from adapters.runtime.configuration import BrokerSettings
from adapters.runtime.settings import parse_settings
from broker.embedded.ports import free_port
from tests.integration.adapters.test_mqtt_delivery import adapter
from tests.integration.adapters.test_mqtt_with_broker import RunningBroker, broker
from tests.patience import PATIENCE
from tests.servers import Mosquitto

__all__ = ["broker"]
NAMES = BrokerSettings().context  # as the adapters' own configuration has it where it says nothing
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "mqtt.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def test_every_setting_is_documented_and_no_other() -> None:
    table = PAGE.split("## Settings")[1]
    documented = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M))))
    assert documented == {one.name for one in dataclasses.fields(Settings)}


def test_every_family_and_format_is_documented() -> None:
    assert set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.M)) >= set(families.names())
    assert not [name for name in FORMATS if f"`{name}`" not in PAGE and name != "iot-agent"]


def test_the_yaml_of_the_page_is_understood() -> None:
    first, topics = blocks("yaml")
    settings = yaml.safe_load(first)["adapters"][0]["settings"]
    assert parse_settings(Settings, settings, where="page").provisioning is not None
    own = parse_settings(Settings, yaml.safe_load(topics), where="page")
    assert len(own.rules()) > len(own.topics)
    assert {one.name for one in dataclasses.fields(TopicSettings)} > {"pattern", "format"}


async def until_held(broker: RunningBroker, name: str, attribute: str, value: float) -> None:
    """Wait until the broker holds a value of an entity of the page."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await broker.entity(f"urn:ngsi-ld:{name}", "city", names=NAMES)
            if found is not None and found[attribute]["value"] == value:
                return
            await asyncio.sleep(0.05)


async def test_the_commands_of_the_page_work(
    mosquitto: Mosquitto, broker: RunningBroker, tmp_path: Path
) -> None:
    ports = {"1883": mosquitto.port, "4041": free_port(), "7896": free_port()}
    ports["1026"] = int(broker.url.rsplit(":", 1)[1])
    script = "set -e\n" + "\n".join(blocks("bash"))
    for written, real in ports.items():
        script = re.sub(rf"\b{written}\b", str(real), script)
    settings = dict(yaml.safe_load(blocks("yaml")[0])["adapters"][0]["settings"])
    settings["url"] = mosquitto.url
    settings["provisioning"] = {"port": ports["4041"]}
    settings["measures"] = {"port": ports["7896"]}
    chosen = parse_settings(Settings, settings, where="page")
    async with adapter(chosen, broker, tmp_path / "data", names=NAMES) as context:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "no_proxy": "127.0.0.1"},
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        names = ("park-01", "park-02", "station-plaza")
        for name, temperature in zip(names, (22.0, 19.8, 20.1), strict=True):
            await until_held(broker, f"WeatherObserved:{name}", "temperature", temperature)
        await until_held(broker, "SoilSensor:field-7", "moisture", 30)
        assert await context.dead_letters.count() == 0
    shown, _ = json.JSONDecoder().raw_decode(output.decode().removeprefix("{}"))
    assert shown == json.loads(blocks("json")[0])


def test_the_manifest_is_complete() -> None:
    manifest = tomllib.loads((ROOT / "adapters" / "mqtt" / "manifest.toml").read_text("utf-8"))
    assert set(manifest["quality"].values()) == {"done"}
