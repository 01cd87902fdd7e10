"""Which changes trigger which subscriptions (clauses 5.2.12, 5.8.6)."""

from __future__ import annotations

import pytest

from broker.subscriptions.matching import has_changed, matches
from tests.subscriptions import BEFORE, NOW, compiled, entity, name, occurrence, prop

WARM = prop(20, observedAt="2026-11-22T05:00:00Z")
WARMER = prop(21, observedAt="2026-11-22T05:30:00Z")
ROOM = prop("hall")
STATES = {
    "created": (None, entity(temperature=WARM, room=ROOM)),
    "updated": (entity(temperature=WARM, room=ROOM), entity(temperature=WARMER, room=ROOM)),
    "added": (entity(room=ROOM), entity(room=ROOM, temperature=WARM)),
    "removed": (entity(temperature=WARM, room=ROOM), entity(room=ROOM)),
    "deleted": (entity(temperature=WARM, room=ROOM), None),
    "same value": (entity(temperature=WARM), entity(temperature=WARM)),
}


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        (None, {"created", "updated", "added"}),
        (["entityCreated"], {"created"}),
        (["entityDeleted"], {"deleted"}),
        (["entityUpdated"], {"created", "updated", "added", "removed", "deleted"}),
        (["attributeCreated"], {"created", "added"}),
        (["attributeUpdated"], {"updated"}),
        (["attributeDeleted"], {"removed", "deleted"}),
    ],
)
def test_triggers(triggers: list[str] | None, expected: set[str]) -> None:
    one = compiled(notificationTrigger=triggers)
    told = {kind for kind, states in STATES.items() if matches(one, occurrence(*states), NOW)}
    assert told == expected


@pytest.mark.parametrize(
    ("triggers", "watched", "expected"),
    [
        (None, ["temperature"], {"created", "updated", "added"}),
        (None, ["room"], {"created"}),
        (["attributeDeleted"], ["temperature"], {"removed", "deleted"}),
        (["attributeDeleted"], ["room"], {"deleted"}),
        (["entityCreated"], ["room"], {"created"}),
        (["entityCreated"], ["humidity"], set()),
        (["entityDeleted"], ["humidity"], set()),
    ],
)
def test_watched_attributes(
    triggers: list[str] | None, watched: list[str], expected: set[str]
) -> None:
    one = compiled(notificationTrigger=triggers, watchedAttributes=watched)
    touched = {"updated": ("temperature",), "added": ("temperature",), "removed": ("temperature",)}
    told = {
        kind
        for kind, states in STATES.items()
        if matches(one, occurrence(*states, touched=touched.get(kind)), NOW)
    }
    assert told == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"entities": [{"type": "Sensor", "id": "urn:ngsi-ld:Sensor:1"}]}, True),
        ({"entities": [{"type": "Sensor", "id": "urn:ngsi-ld:Sensor:2"}]}, False),
        ({"entities": [{"type": "Room", "id": "urn:ngsi-ld:Sensor:1"}]}, False),
        ({"entities": [{"type": "*", "id": "urn:ngsi-ld:Sensor:1"}]}, True),
        ({"entities": [{"type": "*"}]}, True),
        ({"entities": [{"type": "Room|Sensor"}]}, True),
        ({"entities": [{"type": "(Room;Sensor)"}]}, False),
        ({"entities": [{"type": "(Room|Sensor)"}]}, True),
        ({"entities": [{"type": "Sensor", "idPattern": "Sensor:.$"}]}, True),
        ({"entities": [{"type": "Sensor", "idPattern": "^Sensor"}]}, False),
        ({"entities": [{"type": "Room"}, {"type": "Sensor"}]}, True),
        ({"entities": None, "watchedAttributes": ["temperature"]}, True),
        ({"q": "temperature>20"}, True),
        ({"q": "temperature>21"}, False),
        ({"q": 'room=="hall"'}, True),
        ({"q": "room==%22hall%22"}, True),
        ({"scopeQ": "/Madrid"}, False),
        ({"isActive": False}, False),
        ({"expiresAt": "2026-11-22T05:59:59Z"}, False),
        ({"expiresAt": "2026-11-22T06:00:01Z"}, True),
    ],
)
def test_conditions(members: dict, expected: bool) -> None:
    assert matches(compiled(**members), occurrence(*STATES["updated"]), NOW) is expected


@pytest.mark.parametrize(("longitude", "expected"), [(13.39, True), (14.0, False)])
def test_geo_query(longitude: float, expected: bool) -> None:
    place = {
        "type": "GeoProperty",
        "value": {"type": "Point", "coordinates": [longitude, 52.5]},
    }
    one = compiled(
        geoQ={
            "georel": "near;maxDistance==2000",
            "geometry": "Point",
            "coordinates": [13.39, 52.5],
        }
    )
    after = entity(temperature=WARMER).evolve(
        attributes={"https://uri.etsi.org/ngsi-ld/location": [place], name("temperature"): [WARMER]}
    )
    assert matches(one, occurrence(entity(temperature=WARM), after), NOW) is expected


def test_a_condition_on_a_deletion_looks_at_the_last_state() -> None:
    one = compiled(notificationTrigger=["entityDeleted"], q="temperature==20")
    assert matches(one, occurrence(*STATES["deleted"]), NOW)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (prop(1), prop(1), False),
        (prop(1), prop(1.0), False),
        (prop(1), prop(True), True),
        (prop([0, 1]), prop([0, True]), True),
        (prop({"open": 0}), prop({"open": False}), True),
        (prop({"level": 1}), prop({"level": 1.0}), False),
        (prop(1), prop(2), True),
        (prop(1), prop(1, unitCode="CEL"), True),
        (prop(1, unitCode="CEL"), prop(1), True),
        (
            prop(1, observedAt="2026-01-01T00:00:00Z"),
            prop(1, observedAt="2026-01-02T00:00:00Z"),
            True,
        ),
        (prop(1, modifiedAt=BEFORE), prop(1, modifiedAt=NOW), False),
        (prop(1, **{"x:y": [prop(1, createdAt=BEFORE)]}), prop(1, **{"x:y": [prop(1)]}), False),
        (prop(1, **{"x:y": [prop(1)]}), prop(1, **{"x:y": [prop(2)]}), True),
        (prop(1, **{"x:y": [prop(1)]}), prop(1), True),
        (prop(1), prop(1, **{"x:y": [prop(1)]}), True),
    ],
)
def test_what_is_a_change_of_an_attribute(before: dict, after: dict, expected: bool) -> None:
    assert has_changed(before, after) is expected


def test_instances_are_told_apart_by_dataset() -> None:
    first, second = prop(1), prop(2, datasetId="urn:d:1")
    added = occurrence(entity(t=[first]), entity(t=[first, second]))
    removed = occurrence(entity(t=[first, second]), entity(t=[first]))
    assert added.by_attribute == {name("t"): {"attributeCreated"}}
    assert removed.by_attribute == {name("t"): {"attributeDeleted"}}
