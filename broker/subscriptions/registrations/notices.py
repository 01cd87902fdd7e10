"""What subscribers are told of registrations: which ones, why, and in which form. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from broker.contexts.link import context_link
from broker.model.registration import Registration
from broker.model.subscription import Subscription
from broker.registrations.matching import Selection
from broker.registrations.presentation import present_registration
from broker.storage.registrations import RegistrationChange
from broker.subscriptions.compiled import NotificationContext
from broker.subscriptions.notification import JSON, JSON_LD
from broker.subscriptions.senders.sender import Message

Reason = Literal["newlyMatching", "updated", "noLongerMatching"]
"""TriggerReasonEnumeration (clause 5.3.3)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told next; then all is told that happened up to `revision`.

    It may be that nothing of that concerns the subscriber: then there are no registrations.
    """

    reason: Reason
    registrations: tuple[Registration, ...]
    revision: int


def next_notice(changes: Sequence[RegistrationChange], select: Selection) -> Notice:
    """Return what to tell of the first of some changes (there is at least one).

    One notice has one reason, and each registration once.
    """
    reason: Reason = "updated"
    told: dict[str, Registration] = {}
    revision = changes[0].revision
    for change in changes:
        found = _of_change(change, select)
        if found is not None:
            why, registration = found
            if told and (why != reason or registration.id in told):
                break
            reason = why
            told[registration.id] = registration
        revision = change.revision
    return Notice(reason, tuple(told.values()), revision)


def _of_change(change: RegistrationChange, select: Selection) -> tuple[Reason, Registration] | None:
    before = None if change.before is None else select(change.before)
    after = None if change.after is None else select(change.after)
    if after is not None:
        return ("newlyMatching" if before is None else "updated"), after
    return None if before is None else ("noLongerMatching", change.after or before)


def message_of_notice(
    subscription: Subscription,
    context: NotificationContext,
    registrations: Iterable[Registration],
    *,
    reason: Reason,
    now: str,
) -> Message:
    """Return the notification that tells of registrations (clauses 5.3.2, 6.3.9).

    `now` is when it is generated, in the fixed-width form.
    """
    params = subscription.notification
    data = [
        present_registration(one, context.terms, sys_attrs=params.has_system_attributes)
        for one in registrations
    ]
    body: dict[str, Any] = {
        "id": f"urn:ngsi-ld:Notification:{uuid.uuid4()}",
        "type": "ContextSourceNotification",
        "subscriptionId": subscription.id,
        "notifiedAt": now,
        "triggerReason": reason,
        "data": data,
    }
    if params.endpoint.accept != JSON_LD:
        return Message(orjson.dumps(body), JSON, context_link(context.url), subscription.tenant)
    body["@context"] = context.body
    body["data"] = [{**one, "@context": context.body} for one in data]
    return Message(orjson.dumps(body), JSON_LD, None, subscription.tenant)
