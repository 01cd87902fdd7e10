"""What operations need of a store of context source registrations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from broker.model.registration import Registration
from broker.query.registration_query import RegistrationQuery


class Outcome(Enum):
    """What became of a write; all but DONE left everything as it was."""

    DONE = "done"
    EXISTS = "there is a registration with this id already"
    OUTDATED = "something has changed since it was read"


@dataclass(frozen=True, slots=True)
class RegistrationChange:
    """One change of a registration; None stands for one that was not there, or is not any more."""

    revision: int
    before: Registration | None
    after: Registration | None


class RegistrationLog(Protocol):
    """What has happened to the registrations of a tenant, and what there is.

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def revision(self, tenant: str) -> int:
        """Return the revision of the latest change, 0 before the first."""

    async def changes(self, tenant: str, *, after: int, limit: int) -> list[RegistrationChange]:
        """Return the first changes after a revision, in order; old ones may be forgotten."""

    def candidates(self, tenant: str, query: RegistrationQuery) -> AsyncIterator[Registration]:
        """Yield all registrations that may match a request, the oldest first."""

    async def forget(self, tenant: str, *, before: str) -> None:
        """Forget the changes before a time, but for the latest."""


class RegistrationSignals(Protocol):
    """Tells in which tenants registrations, or subscriptions to them, may have changed."""

    async def read(self) -> dict[str, int]:
        """Return a number for each such tenant that grows with the changes."""

    async def tenants(self) -> list[str]:
        """Return all tenants there are."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the subscriber of an edition of a subscription was told last.

    That is: of all that happened up to a revision, at a time in the fixed-width form.
    """

    revision: int
    edition: str
    at: str


class ToldStore(Protocol):
    """Keeps how far the subscribers of registrations have been told.

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def fetch(self, tenant: str, subscription_id: str) -> Told | None:
        """Return how far a subscriber has been told, None: of nothing."""

    async def replace(self, tenant: str, subscription_id: str, told: Told) -> None:
        """Keep how far a subscriber has been told."""


class RegistrationStore(Protocol):
    """Registrations of all tenants; writes are durable when they return.

    Each change of a tenant's registrations gets the next revision, and leaves a record under this
    number: read in their order, the records tell everything that happened. What has expired is
    given back like the rest. Every method raises DatabaseUnavailable while the database does not
    answer.
    """

    async def revision(self, tenant: str) -> int:
        """Return the revision of the latest change, 0 before the first."""

    async def insert(self, registration: Registration, *, revision: int | None = None) -> Outcome:
        """Store a new registration, creating its tenant.

        With a `revision` it is OUTDATED if there has been another since.
        """

    async def replace(self, registration: Registration, *, revision: int | None = None) -> Outcome:
        """Store the next version; OUTDATED, too, if version - 1 is not the stored one."""

    async def fetch(self, tenant: str, registration_id: str) -> Registration | None:
        """Return a registration, or None."""

    def candidates(self, tenant: str, query: RegistrationQuery) -> AsyncIterator[Registration]:
        """Yield all registrations that may match a request, the oldest first."""

    async def find_proxied(self, tenant: str) -> list[Registration]:
        """Return the registrations of the modes exclusive and redirect."""

    async def delete(
        self, tenant: str, registration_id: str, *, expired_by: str | None = None
    ) -> bool:
        """Delete a registration; false if there is none (that has expired by a time)."""

    async def find_expired(self, now: str, *, limit: int) -> list[tuple[str, str]]:
        """Return tenants and ids of registrations that expired before a time."""
