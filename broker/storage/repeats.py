"""What is kept of requests that carry an Idempotency-Key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered: HTTP status, headers and body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is known of a key.

    `fingerprint` tells requests apart, `token` marks in the change records what the request did
    (another one each time the key is reserved anew), `answer` is None while there is none yet.
    """

    fingerprint: str
    token: str
    is_new: bool
    answer: Answer | None = None


class RepeatStore(Protocol):
    """Keys of each tenant, forgotten after 24 hours; all raise DatabaseUnavailable."""

    async def reserve(self, tenant: str, key: str, fingerprint: str) -> Reservation:
        """Reserve a key, or return what is known of it. Creates the tenant."""

    async def keep(self, tenant: str, key: str, token: str, answer: Answer) -> Answer:
        """Keep the answer, unless there is one already; return the one that is kept."""
