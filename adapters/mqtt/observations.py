"""Messages to observations: route, decode, find the device, translate. No input or output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

from adapters.mqtt.decoding import decode
from adapters.mqtt.mapping import Translation, translate
from adapters.mqtt.measure import Message, Unusable
from adapters.mqtt.profile import Profile
from adapters.mqtt.registry import Registry
from adapters.mqtt.topics import ANY_RESOURCE, Route, Router

ULTRALIGHT_RESOURCE = "/iot/d"
MEASURES_LIMIT = 10_000
"""Most measures one message may hold: all other devices wait while they are written."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One measure, ready to be written, and the profile of its device."""

    profile: Profile
    translation: Translation


class MessageReader:
    """Reads by the rules of the router and the configuration in the registry."""

    def __init__(self, router: Router, registry: Registry) -> None:
        self._router = router
        self._registry = registry

    def read(self, message: Message) -> list[Observation]:
        """Return the observations of a message; none for an event that measures nothing.

        Those of one device are in the order of their times. Raises `Unusable` with the reason when
        nothing can be made of the message.
        """
        route = self._router.route(message.topic)
        if route is None:
            raise Unusable(f"no rule matches the topic {message.topic!r}")
        return self.read_routed(message, self._with_format(route))

    def read_routed(self, message: Message, route: Route) -> list[Observation]:
        """Return the observations of a message whose route is known."""
        measures = decode(message, route)
        if len(measures) > MEASURES_LIMIT:
            raise Unusable(
                f"the message holds {len(measures)} measures; send at most {MEASURES_LIMIT} in one"
            )
        observations: list[Observation] = []
        for device_id, same in groupby(measures, key=lambda one: one.device_id):
            profile = self._registry.profile(route.apikey, route.rule.resource, device_id)
            observations += [
                Observation(profile, translation)
                for translation in translate(same, profile, message.received_at)
            ]
        return observations

    def _with_format(self, route: Route) -> Route:
        """Let the group decide where the topic does not say whether it is JSON or UltraLight."""
        if route.rule.resource != ANY_RESOURCE or route.rule.format != "iot-agent":
            return route
        group = self._registry.group_for(route.apikey, ANY_RESOURCE)
        if group is None or group.resource != ULTRALIGHT_RESOURCE:
            return route
        return replace(route, rule=replace(route.rule, format="ultralight"))
