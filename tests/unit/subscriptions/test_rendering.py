"""What a notification says of an entity (clause 5.8.6, examples of Table 5.2.14.1-1)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from broker.model.entity import NULL, Entity
from broker.subscriptions.notification import message_of
from broker.subscriptions.rendering import change_elements
from tests.subscriptions import BEFORE, NOW, compiled, entity, name, occurrence, prop

ROOM = prop("hall", createdAt=BEFORE, modifiedAt=BEFORE)
STREET = {"type": "LanguageProperty", "languageMap": {"fr": "Grand Place", "nl": "Grote Markt"}}
IN = {"type": "Relationship", "object": "urn:ngsi-ld:City:1"}


def told(before: Entity | None, after: Entity | None, **members: Any) -> dict[str, Any]:
    """Return the one element of `data`."""
    touched = members.pop("touched", None)
    one = compiled(**members)
    loaded: dict[str, Any] = orjson.loads(
        change_elements(one, occurrence(before, after, touched=touched))
    )
    return loaded


def test_normalized_without_times() -> None:
    assert told(None, entity(room=ROOM)) == {
        "id": "urn:ngsi-ld:Sensor:1",
        "type": "Sensor",
        "room": {"type": "Property", "value": "hall"},
    }


@pytest.mark.parametrize(
    ("notification", "expected"),
    [
        ({"format": "simplified"}, {"room": "hall"}),
        ({"format": "keyValues"}, {"room": "hall"}),
        ({"format": "concise"}, {"room": "hall"}),
        ({"attributes": ["street"]}, {"street": STREET}),
        ({"omit": ["room", "street"]}, {}),
        ({"format": "simplified", "omit": ["street"]}, {"room": "hall"}),
    ],
)
def test_formats_and_projections(notification: dict, expected: dict) -> None:
    shown = told(None, entity(room=ROOM, street=STREET), notification=notification)
    assert {key: shown[key] for key in shown.keys() - {"id", "type"}}.items() >= expected.items()
    wanted = notification.get("attributes") or ["room", "street"]
    omitted = set(notification.get("omit", ()))
    assert shown.keys() == {"id", "type", *wanted} - omitted


def test_pick_may_leave_even_the_type_out() -> None:
    picked = told(None, entity(room=ROOM), notification={"pick": ["id", "room"]})
    assert picked.keys() == {"id", "room"}


@pytest.mark.parametrize(
    ("instance", "notification", "expected"),
    [
        (ROOM, {}, {"type": "Property", "value": NULL}),
        (ROOM, {"format": "simplified"}, NULL),
        (ROOM, {"format": "concise"}, NULL),
        (
            ROOM,
            {"showChanges": True},
            {"type": "Property", "value": NULL, "previousValue": "hall"},
        ),
        (
            ROOM,
            {"sysAttrs": True},
            {
                "type": "Property",
                "value": NULL,
                "createdAt": BEFORE,
                "modifiedAt": BEFORE,
                "deletedAt": NOW,
            },
        ),
        (STREET, {}, {"type": "LanguageProperty", "languageMap": {"@none": NULL}}),
        (STREET, {"format": "simplified"}, NULL),
        (
            STREET,
            {"showChanges": True},
            {
                "type": "LanguageProperty",
                "languageMap": {"@none": NULL},
                "previousLanguageMap": STREET["languageMap"],
            },
        ),
        (IN, {}, {"type": "Relationship", "object": NULL}),
        (
            IN,
            {"showChanges": True, "format": "concise"},
            {"object": NULL, "previousObject": "urn:ngsi-ld:City:1"},
        ),
    ],
)
def test_a_deleted_attribute(instance: dict, notification: dict, expected: Any) -> None:
    before = entity(kept=prop(1), gone=instance)
    shown = told(before, entity(kept=prop(1)), touched=("gone",), notification=notification)
    assert shown["gone"] == expected
    assert "kept" in shown


def test_of_an_attribute_deleted_with_all_its_instances_one_null_is_told() -> None:
    before = entity(kept=prop(1), room=[prop("hall"), prop("salle", datasetId="urn:d:fr")])
    shown = told(before, entity(kept=prop(1)), touched=("room",))
    assert shown["room"] == {"type": "Property", "value": NULL}


def test_a_deleted_instance_stands_beside_those_that_stay() -> None:
    french = prop("salle", datasetId="urn:d:fr")
    before, after = entity(room=[prop("hall"), french]), entity(room=[prop("hall")])
    assert told(before, after)["room"] == [
        {"type": "Property", "value": "hall"},
        {"type": "Property", "value": NULL, "datasetId": "urn:d:fr"},
    ]
    assert told(before, after, notification={"format": "simplified"})["room"] == {
        "dataset": {"@none": "hall", "urn:d:fr": NULL}
    }


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"notificationTrigger": ["entityDeleted"]}, {"deletedAt"}),
        (
            {"notificationTrigger": ["entityDeleted"], "notification": {"sysAttrs": True}},
            {"deletedAt", "createdAt", "modifiedAt"},
        ),
        (
            {"notificationTrigger": ["attributeDeleted"], "watchedAttributes": ["room"]},
            {"deletedAt", "room"},
        ),
        (
            {"notificationTrigger": ["entityDeleted"], "notification": {"showChanges": True}},
            {"deletedAt", "room", "street"},
        ),
    ],
)
def test_a_deleted_entity(members: dict, expected: set[str]) -> None:
    shown = told(entity(room=ROOM, street=STREET), None, **members)
    assert shown.keys() == {"id", "type"} | expected
    assert shown["deletedAt"] == NOW


def test_previous_values_are_shown_for_what_changed_only() -> None:
    before = entity(room=ROOM, street=STREET)
    after = entity(room=prop("cellar"), street=STREET)
    shown = told(before, after, notification={"showChanges": True})
    assert shown["room"] == {"type": "Property", "value": "cellar", "previousValue": "hall"}
    assert shown["street"] == STREET


def test_instances_of_other_datasets_are_left_out() -> None:
    french = prop("salle", datasetId="urn:d:fr")
    after = entity(room=[prop("hall"), french], floor=prop(1))
    shown = told(None, after, datasetId=["urn:d:fr"])
    assert shown["room"] == french
    assert "floor" not in shown


def message(accept: str, *, prefer: str | None = None) -> tuple[dict[str, Any], str | None, str]:
    endpoint: dict[str, Any] = {"uri": "http://receiver.example/", "accept": accept}
    if prefer:
        endpoint["receiverInfo"] = [{"key": "Prefer", "value": prefer}]
    one = compiled(notification={"endpoint": endpoint})
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}
    after = entity(room=ROOM).evolve(
        attributes={name("room"): [ROOM], "https://uri.etsi.org/ngsi-ld/location": [place]}
    )
    element = change_elements(one, occurrence(None, after))
    sent = message_of(one.subscription, one.profile, [element], NOW)
    return orjson.loads(sent.body), sent.link, sent.media_type


def test_json_refers_to_the_context_by_link() -> None:
    body, link, media_type = message("application/json")
    assert media_type == "application/json"
    assert link is not None
    assert link.startswith("<https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context")
    assert body["type"] == "Notification"
    assert body["notifiedAt"] == NOW
    assert "@context" not in body["data"][0]


def test_json_ld_carries_the_context() -> None:
    body, link, _ = message("application/ld+json")
    assert link is None
    assert body["@context"] == body["data"][0]["@context"]


@pytest.mark.parametrize(
    ("prefer", "in_body"), [(None, True), ("body=ld+json", True), ("body=json", False)]
)
def test_geojson(prefer: str | None, in_body: bool) -> None:
    body, link, media_type = message("application/geo+json", prefer=prefer)
    assert media_type == "application/geo+json"
    assert body["data"]["type"] == "FeatureCollection"
    (feature,) = body["data"]["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [1, 2]}
    assert feature["properties"]["type"] == "Sensor"
    assert ("@context" in body["data"]) is in_body
    assert (link is None) is in_body


def test_notifications_conform_to_the_version_that_is_asked_for() -> None:
    """Clause 5.8.6: ngsildConformance amends by 4.3.6.8."""
    after = entity(street=STREET, kind={"type": "VocabProperty", "vocab": name("hall")})
    now = told(None, after, ngsildConformance="1.9")
    assert now["kind"] == {"type": "VocabProperty", "vocab": "hall"}
    earlier = told(None, after, ngsildConformance="1.5")
    assert earlier["kind"] == {"type": "Property", "value": name("hall")}
    assert earlier["street"] == STREET
    assert told(None, after, ngsildConformance="1.3")["street"]["type"] == "Property"
