"""What deliveries ask of a protocol that carries notifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from broker.model.subscription import Endpoint

Verdict = Literal["delivered", "try again", "rejected"]


@dataclass(frozen=True, slots=True)
class Message:
    """One notification, ready to be sent.

    `link` is the value of a Link header that refers to the @context, where the media type wants
    it outside the body; `tenant` is empty for the default one, `snapshot` names the one the
    subscription is about (6.3.22).
    """

    body: bytes
    media_type: str
    link: str | None = None
    tenant: str = ""
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    `rejected` means that the receiver answered and does not want this notification: sending it
    again without end is of no use. `reason` says why it was not delivered, `retry_after` how many
    seconds the receiver asks to wait.
    """

    verdict: Verdict
    reason: str | None = None
    retry_after: float | None = None

    @property
    def failure(self) -> str | None:
        """Why it was not delivered; None if it was."""
        return None if self.verdict == "delivered" else self.reason or "not delivered"


DELIVERED = Outcome("delivered")
_NO_SENDER = Outcome("rejected", "the broker has no sender for this kind of endpoint")


class Sender(Protocol):
    """Sends notifications over one protocol."""

    async def send(self, endpoint: Endpoint, message: Message) -> Outcome:
        """Send a notification and wait for the receiver's answer; raises nothing."""


class SenderByScheme:
    """Sends by the protocol that the scheme of the endpoint's URI names; implements `Sender`."""

    def __init__(self, senders: Mapping[str, Sender]) -> None:
        self._senders = senders

    async def send(self, endpoint: Endpoint, message: Message) -> Outcome:
        """Send a notification; an endpoint of another kind rejects it."""
        sender = self._senders.get(endpoint.scheme)
        return _NO_SENDER if sender is None else await sender.send(endpoint, message)
