from typing import Any

from broker.model.changes import apply_change
from broker.model.expiry import earliest_expiry, without_expired
from broker.model.patching import expire_entity
from tests.rooms import T0, T1, V, said

SOON, LATER, LATEST = ("2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z", "2999-01-01T00:00:00Z")


def prop(value: Any, expires_at: str | None = None, **members: Any) -> dict[str, Any]:
    expiry = {} if expires_at is None else {"expiresAt": expires_at}
    return {"type": "Property", "value": value, **expiry, **members}


def test_what_has_not_expired_is_the_same_entity(room):
    for entity in (room(t=1), room(t=prop(1, LATEST), expiresAt=LATEST)):
        assert without_expired(entity, T1) is entity


def test_an_entity_expires_at_its_very_moment(room):
    entity = room(t=1, expiresAt=SOON)
    assert without_expired(entity, T0) is entity
    assert without_expired(entity, T1) is None


def test_attributes_and_sub_attributes_expire(room):
    entity = room(
        gone=prop(1, SOON),
        some=[prop(1, SOON), prop(2, datasetId="urn:d:1")],
        inner=prop(1, sub=prop(2, deep=prop(3, SOON)), other=prop(4, SOON)),
        kept=prop(1),
    )
    live = without_expired(entity, T1)
    assert said(live) == {
        "some": prop(2, datasetId="urn:d:1"),
        "inner": prop(1, sub=prop(2)),
        "kept": prop(1),
    }
    assert live.attributes[f"{V}kept"][0] is entity.attributes[f"{V}kept"][0]


def test_removing_what_has_expired_is_recorded(room):
    entity = room(inner=prop(1, sub=prop(2, SOON)), gone=prop(1, SOON))
    transition = expire_entity()(entity, T1)
    assert said(transition.entity) == {"inner": prop(1)}
    assert set(transition.change.attributes) == {f"{V}inner", f"{V}gone"}
    assert apply_change(entity, transition.change) == transition.entity


def test_the_earliest_expiry(room):
    assert earliest_expiry(room(t=1, expiresAt=SOON).attributes) is None
    assert earliest_expiry(room(t=prop(1, LATER, sub=prop(1, SOON))).attributes) == T1
    assert earliest_expiry(room(t=prop(1, LATER)).attributes) == "2026-01-01T00:00:02.000000Z"
