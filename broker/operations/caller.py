"""Who asks, for which tenant: what travels with every operation."""

from __future__ import annotations

from dataclasses import dataclass

from broker.model.spaces import snapshot_space


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of a request. `tenant` "" is the default tenant (clause 5.5.10).

    `token` stands for the request where it must be applied once only (`operations.repeats`).
    `snapshot` is the identifier of the snapshot the request is about (6.3.22), `key` its key.
    """

    tenant: str = ""
    token: str | None = None
    snapshot: str | None = None
    key: str | None = None

    @property
    def space(self) -> str:
        """Where the entities are that the request is about: the tenant, or a snapshot of it."""
        return self.tenant if self.key is None else snapshot_space(self.tenant, self.key)

    def token_of(self, index: int) -> str | None:
        """Return the token of one element of the request."""
        return None if self.token is None else f"{self.token}/{index}"
