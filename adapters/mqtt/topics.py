"""Topics to decoders: rules with placeholders, tried in order; the answer is kept for each topic.

A rule's pattern is a topic whose levels may be `{apikey}`, `{device}`, `{name}`, `{event}` or `+`;
a last `{event}` takes all levels that follow, and `#` likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FORMATS = (
    "iot-agent",
    "iot-agent-json",
    "ultralight",
    "json",
    "value",
    "columns",
    "senml",
    "chirpstack",
    "things-stack",
    "helium",
    "frame",
)
PLACEHOLDERS = ("apikey", "device", "name", "event")
CACHE_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class TopicRule:
    """How messages on some topics are read.

    `resource` and `apikey` name the group of their devices (a `{apikey}` in the pattern comes
    first). `device` is the id of the device where the topic has none, or the member of the payload
    that holds it, written `$.meter`. `name` is the attribute of a bare value, `time` the
    members that may hold the time of the measure, `columns` and `separator` are those of a line.
    """

    pattern: str
    format: str
    resource: str = "/iot/json"
    apikey: str = ""
    device: str = ""
    name: str = ""
    time: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    separator: str = ","

    def filter(self) -> str:
        """Return the MQTT topic filter that matches the pattern."""
        levels = self.pattern.split("/")
        last = len(levels) - 1
        return "/".join(
            "#" if level == "{event}" and index == last else _wildcard(level)
            for index, level in enumerate(levels)
        )


@dataclass(frozen=True, slots=True)
class Route:
    """What a topic says: the rule, and the values of its placeholders."""

    rule: TopicRule
    apikey: str
    device_id: str | None
    name: str
    event: str


def _wildcard(level: str) -> str:
    return "+" if level.startswith("{") and level.endswith("}") else level


ANY_RESOURCE = ""
"""The resource of a rule whose group is found by its apikey alone; it decides on the format."""

IOT_AGENT_RULES = (
    *(
        TopicRule(f"{lead}{prefix}/{{apikey}}/{{device}}/attrs{ending}", kind, resource)
        for prefix, kind, resource in (
            ("json", "iot-agent-json", "/iot/json"),
            ("ul", "ultralight", "/iot/d"),
        )
        for lead in ("/", "")
        for ending in ("", "/{name}")
    ),
    TopicRule("/{apikey}/{device}/attrs", "iot-agent", ANY_RESOURCE),
    TopicRule("/{apikey}/{device}/attrs/{name}", "iot-agent", ANY_RESOURCE),
)
"""What the IoT Agents listen to; the last two are for devices from before the prefixes."""


@dataclass(slots=True)
class Router:
    """Finds the route of a topic among the rules; the first that matches counts."""

    rules: tuple[TopicRule, ...]
    _routes: dict[str, Route | None] = field(default_factory=dict)

    def route(self, topic: str) -> Route | None:
        """Return the route, `None` when no rule matches."""
        try:
            return self._routes[topic]
        except KeyError:
            pass
        if len(self._routes) >= CACHE_LIMIT:
            self._routes.clear()
        found = next(
            (route for rule in self.rules if (route := match(rule, topic)) is not None), None
        )
        self._routes[topic] = found
        return found


def match(rule: TopicRule, topic: str) -> Route | None:
    """Match a topic against one rule."""
    captured = _captured(rule.pattern.split("/"), topic.split("/"))
    if captured is None or not all(captured.values()):
        return None
    return Route(
        rule,
        captured.get("apikey", rule.apikey),
        captured.get("device") or rule.device or None,
        captured.get("name", rule.name),
        captured.get("event", ""),
    )


def _captured(wanted: list[str], levels: list[str]) -> dict[str, str] | None:
    captured: dict[str, str] = {}
    for index, level in enumerate(wanted):
        if index == len(wanted) - 1 and level in ("#", "{event}"):
            return captured | {"event": "/".join(levels[index:])}
        if index >= len(levels):
            return None
        if level.startswith("{"):
            captured[level[1:-1]] = levels[index]
        elif level not in ("+", levels[index]):
            return None
    return captured if len(levels) == len(wanted) else None
