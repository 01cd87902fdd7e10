"""Subscriptions as clients write them: what is taken, what is refused, and where."""

from __future__ import annotations

from typing import Any

import pytest

from broker.model.entity import NULL
from broker.model.errors import BadRequestData
from broker.model.subscription import DeliveryRecord, Subscription
from broker.subscriptions.compiling import check_queries, options_of, query_of
from broker.subscriptions.presentation import present_subscription
from broker.subscriptions.reading import read_fragment, read_subscription
from tests.subscriptions import BEFORE, CORE, NOW, body, name, subscription

GEO_QUERY = {
    "georel": "within",
    "geometry": "Point",
    "coordinates": [1, 2],
    "geoproperty": "p",
}
ENDPOINT = {"uri": "http://receiver.example/"}


def endpoint(**members: Any) -> dict[str, Any]:
    return {"notification": {"endpoint": ENDPOINT | members}}


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"type": None}, "/type"),
        ({"type": "Subscribe"}, "/type"),
        ({"id": "no uri"}, "/id"),
        ({"@type": "Subscription"}, "/type"),
        ({"@id": "urn:a:b"}, "/id"),
        ({"entities": [{"type": "A", "@type": "A"}]}, "/entities/0/type"),
        ({"id": ""}, "/id"),
        ({"entities": None}, None),
        ({"entities": []}, "/entities"),
        ({"entities": {}}, "/entities"),
        ({"entities": [{}]}, "/entities/0/type"),
        ({"entities": [{"type": ""}]}, "/entities/0/type"),
        ({"entities": [{"type": "A"}, {"type": "A|"}]}, "/entities/1/type"),
        ({"entities": [{"type": "A", "id": "x"}]}, "/entities/0/id"),
        ({"entities": [{"type": "A", "id": ["urn:a:b", 1]}]}, "/entities/0/id/1"),
        ({"entities": [{"type": "A", "idPattern": "("}]}, "/entities/0/idPattern"),
        ({"watchedAttributes": []}, "/watchedAttributes"),
        ({"watchedAttributes": "a"}, "/watchedAttributes"),
        ({"watchedAttributes": ["a", ""]}, "/watchedAttributes/1"),
        ({"watchedAttributes": ["a b"]}, "/watchedAttributes/0"),
        ({"q": "a>"}, "/q"),
        ({"q": 5}, "/q"),
        ({"csf": "(("}, "/csf"),
        ({"scopeQ": "///"}, "/scopeQ"),
        ({"geoQ": {"georel": "near", "geometry": "Point", "coordinates": [1, 2]}}, "/geoQ"),
        ({"geoQ": {"geometry": "Point", "coordinates": [1, 2]}}, "/geoQ/georel"),
        ({"geoQ": {"georel": "within", "geometry": "Point"}}, "/geoQ/coordinates"),
        ({"throttling": -1}, "/throttling"),
        ({"throttling": True}, "/throttling"),
        ({"throttling": "5"}, "/throttling"),
        ({"timeInterval": 0}, "/timeInterval"),
        ({"timeInterval": 5, "throttling": 5}, "/throttling"),
        ({"timeInterval": 5, "watchedAttributes": ["a"]}, "/watchedAttributes"),
        (
            {"timeInterval": 5, "entities": None, "watchedAttributes": None},
            None,
        ),
        ({"isActive": "yes"}, "/isActive"),
        ({"expiresAt": "tomorrow"}, "/expiresAt"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"notificationTrigger": ["entityChanged"]}, "/notificationTrigger/0"),
        ({"notificationTrigger": []}, "/notificationTrigger"),
        ({"datasetId": ["x"]}, "/datasetId/0"),
        ({"jsonldContext": "x"}, "/jsonldContext"),
        ({"ngsildConformance": "one"}, "/ngsildConformance"),
        ({"lang": "!!"}, "/lang"),
        ({"notification": {"endpoint": None}}, "/notification/endpoint"),
        (endpoint(uri=None), "/notification/endpoint/uri"),
        (endpoint(uri="ftp://a/b"), "/notification/endpoint/uri"),
        (endpoint(uri="http:///a"), "/notification/endpoint/uri"),
        (endpoint(uri="mqtt://a"), "/notification/endpoint/uri"),
        (endpoint(uri="http://a:999999/"), "/notification/endpoint/uri"),
        (endpoint(accept="text/html"), "/notification/endpoint/accept"),
        (
            endpoint(uri="mqtt://a/t", accept="application/geo+json"),
            "/notification/endpoint/accept",
        ),
        (endpoint(timeout=0), "/notification/endpoint/timeout"),
        (endpoint(cooldown="1"), "/notification/endpoint/cooldown"),
        (endpoint(receiverInfo=[{"key": "a"}]), "/notification/endpoint/receiverInfo/0/value"),
        (
            endpoint(receiverInfo=[{"key": "a", "value": 1}]),
            "/notification/endpoint/receiverInfo/0/value",
        ),
        (
            endpoint(receiverInfo=[{"key": "a b", "value": "c"}]),
            "/notification/endpoint/receiverInfo/0/key",
        ),
        (
            endpoint(receiverInfo=[{"key": "a", "value": "c\r\nX: y"}]),
            "/notification/endpoint/receiverInfo/0/value",
        ),
        (
            endpoint(receiverInfo=[{"key": "Content-Length", "value": "1"}]),
            "/notification/endpoint/receiverInfo/0/key",
        ),
        (
            endpoint(notifierInfo=[{"key": "MQTT-QoS", "value": "7"}]),
            "/notification/endpoint/notifierInfo/0/value",
        ),
        ({"notification": {"format": "xml"}}, "/notification/format"),
        (
            {"notification": {"format": "keyValues", "showChanges": True}},
            "/notification/showChanges",
        ),
        ({"notification": {"attributes": []}}, "/notification/attributes"),
        ({"notification": {"attributes": ["type"]}}, "/notification/attributes/0"),
        ({"notification": {"pick": []}}, "/notification/pick"),
        ({"notification": {"pick": ["a"], "attributes": ["b"]}}, "/notification/pick"),
        ({"notification": {"omit": ["a"], "attributes": ["b"]}}, "/notification/omit"),
        ({"notification": {"pick": ["id"], "omit": ["id"]}}, "/notification/omit"),
        ({"notification": {"join": "deep"}}, "/notification/join"),
        ({"notification": {"joinLevel": 0}}, "/notification/joinLevel"),
        ({"notification": {"sysAttrs": 1}}, "/notification/sysAttrs"),
    ],
)
def test_what_is_refused_and_where(members: dict, pointer: str | None) -> None:
    given = body()
    for member, value in members.items():
        if value is None:
            given.pop(member, None)
        elif member == "notification":
            given["notification"] = without_none(given["notification"] | value)
        else:
            given[member] = value
    with pytest.raises(BadRequestData) as caught:
        check(given)
    assert caught.value.pointer == pointer
    assert len(caught.value.detail) > 10


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_none(one) for key, one in value.items() if one is not None}
    return value


def check(given: Any) -> dict[str, Any]:
    """Check a body as the operation does."""
    definition = read_subscription(given, CORE, now=BEFORE)
    check_queries(definition, CORE)
    options_of(Subscription("urn:a:b", "", definition))
    return definition


@pytest.mark.parametrize("given", [None, [], "x", 5])
def test_a_body_that_is_no_object(given: Any) -> None:
    with pytest.raises(BadRequestData):
        read_subscription(given, CORE, now=BEFORE)


def test_names_are_expanded_and_unknown_members_left_out() -> None:
    definition = read_subscription(
        body(
            entities=[{"type": "(A;B)|C"}],
            watchedAttributes=["temperature"],
            geoQ={
                "georel": "within",
                "geometry": "Point",
                "coordinates": [1, 2],
                "geoproperty": "p",
            },
            notification={"pick": ["id", "room{name}"], "timesSent": 42},
            status="expired",
            __context="http://hijacked.example/",
        ),
        CORE,
        now=BEFORE,
    )
    assert definition["entities"] == [{"type": f"({name('A')};{name('B')})|{name('C')}"}]
    assert definition["watchedAttributes"] == [name("temperature")]
    assert definition["geoQ"]["geoproperty"] == name("p")
    assert definition["notification"]["pick"] == ["id", f"{name('room')}{{{name('name')}}}"]
    assert "timesSent" not in definition["notification"]
    assert definition.keys() == {"id", "entities", "watchedAttributes", "geoQ", "notification"}


def test_what_was_read_is_presented_as_it_was_written() -> None:
    given = body(
        entities=[{"type": "(A;B)|C", "id": ["urn:a:b"], "idPattern": ".*"}],
        watchedAttributes=["temperature"],
        q="temperature>20",
        geoQ=GEO_QUERY,
        notificationTrigger=["entityCreated"],
        throttling=0.5,
        notification={"omit": ["type", "room{name}"], "format": "concise"},
    )
    one = subscription(**{key: value for key, value in given.items() if key != "id"})
    shown = present_subscription(one, DeliveryRecord(), CORE, now=NOW)
    assert shown == given | {"status": "active"}


def test_what_became_of_notifications_is_presented() -> None:
    record = DeliveryRecord(
        times_sent=3,
        times_failed=1,
        last_notification=NOW,
        last_success=BEFORE,
        last_failure=NOW,
        last_error="refused",
    )
    shown = present_subscription(subscription(), record, CORE, now=NOW, sys_attrs=True)
    assert shown["createdAt"] == BEFORE
    told = shown["notification"]
    assert told["status"] == "failed"
    assert told["timesSent"] == 3
    assert told["lastFailureReason"] == "refused"
    assert "timesDiscarded" not in told


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({}, "active"),
        ({"isActive": False}, "paused"),
        ({"expiresAt": "2026-11-22T05:30:00Z"}, "expired"),
        ({"expiresAt": "2026-11-22T05:30:00Z", "isActive": False}, "expired"),
        ({"expiresAt": "2027-01-01T00:00:00Z"}, "active"),
    ],
)
def test_status(members: dict, status: str) -> None:
    assert subscription(**members).status(NOW) == status


def test_a_fragment_removes_by_null_but_not_what_is_mandatory() -> None:
    fragment = read_fragment(
        {"q": NULL, "throttling": 5}, CORE, subscription_id="urn:ngsi-ld:Subscription:1"
    )
    assert fragment == {"q": NULL, "throttling": 5}
    with pytest.raises(BadRequestData) as caught:
        read_fragment({"notification": NULL}, CORE, subscription_id="urn:a:b")
    assert caught.value.pointer == "/notification"


def test_the_expiry_is_read_as_versions_before_1_3_called_it() -> None:
    later = "2099-01-01T00:00:00Z"
    definition = read_subscription(body(expires=later), CORE, now=NOW)
    assert definition["expiresAt"] == later
    with pytest.raises(BadRequestData, match="in the past"):
        read_subscription(body(expires="2020-01-01T00:00:00Z"), CORE, now=NOW)
    with pytest.raises(BadRequestData, match="give one"):
        read_subscription(body(expires=later, expiresAt=later), CORE, now=NOW)
    fragment = read_fragment({"expires": NULL}, CORE, subscription_id="urn:s:1")
    assert fragment == {"expiresAt": NULL}


def test_a_fragment_cannot_change_the_identifier() -> None:
    with pytest.raises(BadRequestData) as caught:
        read_fragment({"id": "urn:a:c"}, CORE, subscription_id="urn:a:b")
    assert caught.value.pointer == "/id"


def test_keywords_of_json_ld_are_names_of_id_and_type() -> None:
    given = body(type=None, id=None, entities=[{"@type": "Sensor", "@id": ["urn:a:1"]}])
    read = read_subscription({"@id": "urn:s:1", "@type": "Subscription", **given}, CORE, now=NOW)
    assert read["id"] == "urn:s:1"
    assert read["entities"] == [{"id": ["urn:a:1"], "type": name("Sensor")}]
    assert (
        read_fragment({"@id": "urn:s:1", "@type": "Subscription"}, CORE, subscription_id="urn:s:1")
        == {}
    )


@pytest.mark.parametrize(
    ("coordinates", "place"),
    [([-1, 100], [179, 80]), ([190, 0], [-170, 0]), ([0, -100, 5], [-180, -80, 5])],
)
def test_a_point_beyond_a_pole_is_the_one_that_is_there(coordinates: Any, place: Any) -> None:
    """The example of a subscription in the standard (annex C.4) is near [-1, 100]."""
    query = GEO_QUERY | {"georel": "near;maxDistance==2000"}
    beyond, there = (check(body(geoQ=query | {"coordinates": one})) for one in (coordinates, place))
    assert beyond["geoQ"]["coordinates"] == coordinates
    assert query_of(beyond, CORE).geo == query_of(there, CORE).geo
