"""Who asks, for which tenant: what travels with every operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of a request. `tenant` "" is the default tenant (clause 5.5.10).

    `token` stands for the request where it must be applied once only (`operations.repeats`).
    """

    tenant: str = ""
    token: str | None = None

    def token_of(self, index: int) -> str | None:
        """Return the token of one element of the request."""
        return None if self.token is None else f"{self.token}/{index}"
