"""Device families (`families.toml`): topic rules and the group that maps their values."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from adapters.mqtt.configuration import Group
from adapters.mqtt.topics import TopicRule

RESOURCE = "/family"
_SENSOR = "{sensor}"


@cache
def _families() -> dict[str, Any]:
    return tomllib.loads((resources.files("adapters.mqtt") / "families.toml").read_text("utf-8"))


def names() -> tuple[str, ...]:
    """Return the names of all families."""
    return tuple(_families())


def rules(chosen: Iterable[str]) -> tuple[TopicRule, ...]:
    """Return the topic rules of families; the family's name is their apikey."""
    return tuple(
        TopicRule(
            topic["pattern"],
            topic["format"],
            RESOURCE,
            apikey=name,
            name=topic.get("name", ""),
            time=tuple(topic.get("time", ())),
        )
        for name in chosen
        for topic in _families()[name]["topics"]
    )


def groups(chosen: Iterable[str], service: str, timezone: str) -> list[Group]:
    """Return the groups of families, for the devices of one tenant.

    `timezone` is that of times without an offset.
    """
    return [
        Group(
            service,
            "/",
            RESOURCE,
            name,
            {**_configuration(_families()[name]), "timezone": timezone},
        )
        for name in chosen
    ]


def _configuration(family: dict[str, Any]) -> dict[str, Any]:
    """Return a family as the document of a group."""
    attributes = [one for spec in family.get("attributes", ()) for one in _of_sensors(spec, family)]
    own = {
        name: value
        for name, value in family.items()
        if name not in ("topics", "sensors", "sensors_within")
    }
    several = {"sensors": family.get("sensors", []), "within": family.get("sensors_within", "")}
    return {**own, "attributes": attributes, "internal_attributes": several}


def _of_sensors(spec: dict[str, Any], family: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an attribute for each sensor it stands for; the last of those in a payload counts."""
    if not any(_SENSOR in value for value in spec.values() if isinstance(value, str)):
        return [spec]
    return [
        {
            member: value.replace(_SENSOR, sensor) if isinstance(value, str) else value
            for member, value in spec.items()
        }
        for sensor in reversed(family["sensors"])
    ]
