"""Why a request to another system did not get an answer.

    OutboundError
    ├── InvalidTarget      the URL is not one the broker can send to
    ├── AddressRefused     the address guard does not let the broker connect there
    ├── TargetUnreachable  no connection: name unknown, connection refused, TLS failure, cut off
    ├── TargetTimedOut     no complete answer in time
    ├── ResponseTooLarge   the answer is larger than the caller allows
    └── CircuitOpen        the host timed out again and again and is left alone for a while

An answer with any status, also 404 or 503, is an answer and not an error.
"""

from __future__ import annotations


class OutboundError(Exception):
    """Base of the tree. `detail` is a sentence a person can act on."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidTarget(OutboundError):
    """The URL cannot be sent to; trying again is of no use."""


class AddressRefused(OutboundError):
    """The address guard refuses the address; trying again is of no use before a setting changes."""


class TargetUnreachable(OutboundError):
    """No connection could be made, or it broke before the answer was complete."""


class TargetTimedOut(OutboundError):
    """The answer did not arrive in time."""


class ResponseTooLarge(OutboundError):
    """The answer is larger than allowed; reading was stopped."""


class CircuitOpen(OutboundError):
    """Nothing was sent, because the host has just timed out repeatedly.

    `retry_after` is the number of seconds until the next attempt is let through.
    """

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
