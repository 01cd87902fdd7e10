"""Subscriptions as clients read them: names compacted, status and counts added (clause 5.2.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.model.subscription import DEFAULT_TRIGGERS, DeliveryRecord, Subscription
from broker.model.terms import Terms
from broker.subscriptions.reading import compact_projection, compact_types


def present_subscription(
    subscription: Subscription,
    record: DeliveryRecord,
    terms: Terms,
    *,
    now: str,
    sys_attrs: bool = False,
    names_triggers: bool = True,
) -> dict[str, Any]:
    """Return a subscription as JSON, without an @context; `now` decides its status.

    With `names_triggers` the default of notificationTrigger is filled in.
    """
    definition = subscription.definition
    body: dict[str, Any] = {"id": subscription.id, "type": "Subscription"}
    body.update(definition)
    if names_triggers:
        body.setdefault("notificationTrigger", [*DEFAULT_TRIGGERS])
    body["status"] = subscription.status(now)
    if "entities" in definition:
        body["entities"] = [
            {**selector, "type": compact_types(selector["type"], terms)}
            for selector in definition["entities"]
        ]
    if "watchedAttributes" in definition:
        body["watchedAttributes"] = [*map(terms.compact, definition["watchedAttributes"])]
    if "geoproperty" in definition.get("geoQ", {}):
        geo_query = definition["geoQ"]
        body["geoQ"] = {**geo_query, "geoproperty": terms.compact(geo_query["geoproperty"])}
    body["notification"] = _notification(definition["notification"], record, terms)
    if sys_attrs:
        body["createdAt"] = subscription.created_at
        body["modifiedAt"] = subscription.modified_at
    return body


def _notification(
    definition: Mapping[str, Any], record: DeliveryRecord, terms: Terms
) -> dict[str, Any]:
    notification = dict(definition)
    if "attributes" in definition:
        notification["attributes"] = [*map(terms.compact, definition["attributes"])]
    for name in ("pick", "omit"):
        if name in definition:
            notification[name] = [compact_projection(term, terms) for term in definition[name]]
    return notification | _record_members(record)


def _record_members(record: DeliveryRecord) -> dict[str, Any]:
    """Return the output-only members (5.2.14.2) that have something to say.

    `lastFailureReason` and `timesDiscarded` are not in the standard: why the last attempt failed,
    and how many notifications were given up.
    """
    members = {
        "status": record.status,
        "timesSent": record.times_sent or None,
        "timesFailed": record.times_failed or None,
        "lastNotification": record.last_notification,
        "lastSuccess": record.last_success,
        "lastFailure": record.last_failure,
        "lastFailureReason": record.last_error,
        "timesDiscarded": record.discarded or None,
    }
    return {name: value for name, value in members.items() if value is not None}
