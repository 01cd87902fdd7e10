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


def groups(chosen: Iterable[str], service: str) -> list[Group]:
    """Return the groups of families, for the devices of one tenant."""
    return [
        Group(service, "/", RESOURCE, name, _without_topics(_families()[name])) for name in chosen
    ]


def _without_topics(family: dict[str, Any]) -> dict[str, Any]:
    return {member: value for member, value in family.items() if member != "topics"}
