"""Notification messages (clauses 5.3.1, 6.3.8, 7.2): elements of `data` put into an envelope."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from broker.contexts.link import context_link
from broker.model.subscription import Subscription
from broker.subscriptions.compiled import NotificationContext
from broker.subscriptions.senders.sender import Message

JSON = "application/json"
JSON_LD = "application/ld+json"
GEO_JSON = "application/geo+json"


@dataclass(frozen=True, slots=True)
class Profile:
    """How elements were written, and so what the envelope around them is.

    It travels with the elements as text, because they may wait in the outbox while the
    subscription changes. `context_url` is referred to by a Link, `context_body` stands in the
    body; either may be absent.
    """

    media_type: str
    context_url: str | None = None
    context_body: Any = None

    @property
    def text(self) -> str:
        """The profile as text."""
        return orjson.dumps([self.media_type, self.context_url, self.context_body]).decode()


@lru_cache(maxsize=1024)
def profile_of_text(text: str) -> Profile:
    """Return the profile that `text` was made of."""
    return Profile(*orjson.loads(text))


def profile_of(subscription: Subscription, context: NotificationContext) -> Profile:
    """Return how the notifications of a subscription are written (clause 6.3.8)."""
    endpoint = subscription.notification.endpoint
    if endpoint.accept == JSON:
        return Profile(JSON, context_url=context.url)
    if endpoint.accept == GEO_JSON and endpoint.receiver("Prefer") == "body=json":
        return Profile(GEO_JSON, context_url=context.url)
    return Profile(endpoint.accept, context_body=context.body)


def message_of(
    subscription: Subscription, profile_text: str, elements: Sequence[bytes], now: str
) -> Message:
    """Return the notification that carries some elements, all of one profile.

    `now` is when the notification is generated, in the fixed-width form.
    """
    profile = profile_of_text(profile_text)
    head = {
        "id": f"urn:ngsi-ld:Notification:{uuid.uuid4()}",
        "type": "Notification",
        "subscriptionId": subscription.id,
        "notifiedAt": now,
    }
    if profile.media_type == JSON_LD:
        head["@context"] = profile.context_body
    body = b'%s,"data":%s}' % (orjson.dumps(head)[:-1], _data(profile, elements))
    link = None
    if profile.context_url is not None:
        link = context_link(profile.context_url)
    return Message(body, profile.media_type, link, subscription.owner, subscription.snapshot)


def _data(profile: Profile, elements: Sequence[bytes]) -> bytes:
    listed = b"[%s]" % b",".join(elements)
    if profile.media_type != GEO_JSON:
        return listed
    collection = b'{"type":"FeatureCollection","features":%s' % listed
    if profile.context_body is None:
        return collection + b"}"
    return b'%s,"@context":%s}' % (collection, orjson.dumps(profile.context_body))
