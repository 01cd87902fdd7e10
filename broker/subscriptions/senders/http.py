"""Notifications over HTTP (clause 6.3.8)."""

from __future__ import annotations

from broker.model.subscription import Endpoint
from broker.outbound.client import OutboundClient, OutboundResponse
from broker.outbound.errors import CircuitOpen, OutboundError
from broker.subscriptions.senders.sender import DELIVERED, Message, Outcome

_WORTH_ANOTHER_TRY = frozenset({401, 403, 404, 407, 408, 409, 423, 425, 429})
"""Answers below 500 that an operator, or time, puts right without a change to the notification."""

_LONGEST_WAIT = 3600.0


class HttpSender:
    """Posts notifications; every 2xx answer counts as delivered."""

    def __init__(self, client: OutboundClient, *, timeout: float) -> None:
        self._client = client
        self._timeout = timeout

    async def send(self, endpoint: Endpoint, message: Message) -> Outcome:
        """Post a notification and wait for the receiver's answer."""
        try:
            response = await self._client.request(
                "POST",
                endpoint.uri,
                headers=headers_of(endpoint, message),
                body=message.body,
                timeout=endpoint.timeout or self._timeout,
                is_repeatable=True,
            )
        except CircuitOpen as error:
            return Outcome("try again", error.detail, error.retry_after)
        except OutboundError as error:
            return Outcome("try again", error.detail)
        return outcome_of(response)


def headers_of(endpoint: Endpoint, message: Message) -> dict[str, str]:
    """Return the headers of a notification: those of receiverInfo, then the broker's own."""
    headers = dict(endpoint.receiver_info)
    own = {"Content-Type": message.media_type}
    if message.link is not None:
        own["Link"] = message.link
    if message.tenant:
        own["NGSILD-Tenant"] = message.tenant
    if message.snapshot is not None:
        own["NGSILD-Snapshot"] = message.snapshot
    for name in own:
        for given in [key for key in headers if key.lower() == name.lower()]:
            del headers[given]
    return headers | own


def outcome_of(response: OutboundResponse) -> Outcome:
    """Return what an answer means for the notification."""
    if 200 <= response.status < 300:
        return DELIVERED
    reason = f"the endpoint answered with status {response.status}"
    if response.body:
        reason += f": {response.body[:200].decode(errors='replace')}"
    wait = _retry_after(response.headers.get("retry-after"))
    if response.status >= 500 or response.status in _WORTH_ANOTHER_TRY:
        return Outcome("try again", reason, wait)
    return Outcome("rejected", reason, wait)


def _retry_after(value: str | None) -> float | None:
    if value is None or not value.isascii() or not value.isdigit():
        return None
    return min(float(value), _LONGEST_WAIT)
