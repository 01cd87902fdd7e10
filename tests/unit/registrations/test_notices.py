"""What subscribers are told of registrations (clauses 5.3.2, 5.3.3, 5.11.7, 6.3.9)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.errors import BadRequestData
from broker.model.registration import Registration
from broker.query.registration_query import RegistrationQuery
from broker.registrations.matching import compile_selection
from broker.storage.registrations import RegistrationChange
from broker.subscriptions.registrations.matching import (
    check_for_registrations,
    registration_query_of,
)
from broker.subscriptions.registrations.notices import message_of_notice, next_notice
from tests.registrations import NOW, info, name, registration
from tests.subscriptions import CONTEXT, CORE, subscription

SENSORS = compile_selection(registration_query_of(subscription().definition, CORE), CORE)
YES, NO = info("Sensor"), info("Other")


def one(number: int, *information: dict[str, Any]) -> Registration:
    return registration(*information, id=f"urn:r:{number}")


def change(
    revision: int, before: dict[str, Any] | None, after: dict[str, Any] | None, number: int = 1
) -> RegistrationChange:
    states = [None if state is None else one(number, state) for state in (before, after)]
    return RegistrationChange(revision, *states)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, YES, "newlyMatching"),
        (NO, YES, "newlyMatching"),
        (YES, YES, "updated"),
        (YES, NO, "noLongerMatching"),
        (YES, None, "noLongerMatching"),
        (None, NO, None),
        (NO, NO, None),
        (NO, None, None),
    ],
)
def test_the_reason(
    before: dict[str, Any] | None, after: dict[str, Any] | None, reason: str | None
) -> None:
    notice = next_notice([change(7, before, after)], SENSORS)
    assert notice.revision == 7
    if reason is None:
        assert notice.registrations == ()
        return
    assert notice.reason == reason
    assert notice.registrations == (one(1, after or before or {}),)


def test_only_the_information_that_concerns_the_subscriber_is_told() -> None:
    created = RegistrationChange(1, None, one(1, NO, YES))
    (told,) = next_notice([created], SENSORS).registrations
    assert told.definition["information"] == one(1, YES).definition["information"]


STATES = st.sampled_from([None, YES, NO])


@given(st.lists(st.tuples(STATES, STATES, st.integers(1, 2)), min_size=1, max_size=6))
def test_all_is_told_in_order_each_thing_once(
    given_changes: list[tuple[dict[str, Any] | None, dict[str, Any] | None, int]],
) -> None:
    changes = [
        change(revision, before, after, number)
        for revision, (before, after, number) in enumerate(given_changes, 1)
    ]
    rest, told = changes, []
    while rest:
        notice = next_notice(rest, SENSORS)
        assert rest[0].revision <= notice.revision
        ids = [found.id for found in notice.registrations]
        assert len(set(ids)) == len(ids)
        told += [(notice.reason, found) for found in ids]
        rest = [left for left in rest if left.revision > notice.revision]
    singly = [next_notice([each], SENSORS) for each in changes]
    assert told == [(each.reason, found.id) for each in singly for found in each.registrations]


@pytest.mark.parametrize("accept", ["application/json", "application/ld+json"])
def test_the_message(accept: str) -> None:
    endpoint = {"uri": "http://receiver.example", "accept": accept}
    to = subscription(notification={"endpoint": endpoint})
    message = message_of_notice(to, CONTEXT, [one(1, YES)], reason="updated", now=NOW)
    body = orjson.loads(message.body)
    assert message.media_type == accept
    assert body.pop("id").startswith("urn:ngsi-ld:Notification:")
    has_context = accept == "application/ld+json"
    assert (message.link is None) is has_context
    assert (body.pop("@context", None) is not None) is has_context
    (told,) = body.pop("data")
    assert (told["id"], told["information"]) == ("urn:r:1", [YES])
    assert body == {
        "type": "ContextSourceNotification",
        "subscriptionId": to.id,
        "notifiedAt": NOW,
        "triggerReason": "updated",
    }


@pytest.mark.parametrize(
    ("watched", "told", "attributes"),
    [
        (["p"], ["q"], {"p", "q"}),
        (["p"], None, set()),
        (None, ["q"], set()),
        (None, None, set()),
    ],
)
def test_attributes_count_where_both_lists_name_some(
    watched: list[str] | None, told: list[str] | None, attributes: set[str]
) -> None:
    notification = {} if told is None else {"attributes": told}
    query = of(watchedAttributes=watched, notification=notification)
    assert query.attributes == {name(attribute) for attribute in attributes}


def test_what_else_a_subscription_says_of_registrations() -> None:
    query = of(
        csf="mode==inclusive",
        scopeQ="/a",
        datasetId=["urn:d:1"],
        temporalQ={"timerel": "before", "timeAt": "2020-01-01T00:00:00Z"},
    )
    assert None not in (query.source_filter, query.time)
    assert (query.dataset_ids, len(query.scope)) == ({"urn:d:1"}, 1)


def test_registrations_are_not_told_as_geojson() -> None:
    endpoint = {"uri": "http://receiver.example", "accept": "application/geo+json"}
    with pytest.raises(BadRequestData) as refused:
        check_for_registrations(subscription(notification={"endpoint": endpoint}), CORE)
    assert refused.value.pointer == "/notification/endpoint/accept"


def of(**members: Any) -> RegistrationQuery:
    return registration_query_of(subscription(**members).definition, CORE)
