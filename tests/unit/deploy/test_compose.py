"""The Compose file: what it tells the broker and its connectors is what they understand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.mqtt.settings import Settings as MqttSettings
from adapters.runtime.configuration import read_configuration
from broker.config import Settings, load_settings

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (_ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


@pytest.fixture
def settings(compose: dict[str, Any]) -> Settings:
    return load_settings(compose["services"]["mutsura"]["environment"])


def test_the_broker_uses_the_services_beside_it(
    compose: dict[str, Any], settings: Settings
) -> None:
    assert settings.mongodb.uri is not None
    assert "//mongodb:27017/" in settings.mongodb.uri
    assert settings.mqtt.url == "mqtt://mosquitto:1883"
    assert {"mongodb", "mosquitto"} <= compose["services"].keys()


def test_the_connector_is_one_the_broker_starts(
    compose: dict[str, Any], settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "adapters.yaml"
    file.write_text(compose["configs"]["adapters"]["content"].replace("$$", "$"))
    service = compose["services"]["mutsura"]
    [mqtt] = read_configuration(file, environment=service["environment"]).adapters

    assert {one["source"]: one["target"] for one in service["configs"]} == {
        "adapters": str(settings.adapters.file)
    }
    assert isinstance(mqtt.settings, MqttSettings)
    assert mqtt.settings.url == settings.mqtt.url
    ports = [one.port for one in (mqtt.settings.provisioning, mqtt.settings.measures) if one]
    assert [f"127.0.0.1:{port}:{port}" for port in (1026, *ports)] == service["ports"]
