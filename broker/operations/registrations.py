"""Context source registration and discovery (clauses 5.9, 5.10).

The broker keeps, validates and finds registrations; it does not yet pass requests on to sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from broker.contexts.context import Context
from broker.model.clock import Clock
from broker.model.entity import NULL
from broker.model.errors import AlreadyExists, Conflict, Overloaded, ResourceNotFound
from broker.model.registration import Registration
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy
from broker.query.entity_query import Page
from broker.query.registration_query import RegistrationQuery
from broker.registrations.matching import compile_selection
from broker.registrations.modes import PROXIED, check_mode, conflicts, entities_excluded
from broker.registrations.reading import (
    check_expiry,
    read_registration,
    read_registration_fragment,
)
from broker.storage.entities import EntityStore
from broker.storage.registrations import Outcome, RegistrationStore

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class RegistrationPage:
    """Some of the matching registrations, each as it is.

    `count` is how many match, where it was asked for.
    """

    registrations: list[Registration]
    has_more: bool
    count: int | None = None


class RegistrationOperations:
    """Each method returns when its result is durable; all raise DatabaseUnavailable."""

    def __init__(
        self,
        *,
        registrations: RegistrationStore,
        entities: EntityStore,
        tenancy: Tenancy,
        clock: Clock,
    ) -> None:
        self._registrations = registrations
        self._entities = entities
        self._tenancy = tenancy
        self._clock = clock

    async def register_source(self, caller: Caller, body: Any, context: Context) -> str:
        """Register Context Source (5.9.2); return the identifier of the registration.

        Raises BadRequestData, AlreadyExists, Conflict, Overloaded.
        """
        now = self._clock()
        definition = read_registration(body, context, now=now)
        registration = Registration(
            id=definition.pop("id", None) or f"urn:ngsi-ld:ContextSourceRegistration:{uuid4()}",
            tenant=caller.tenant,
            definition=definition,
            created_at=now,
            modified_at=now,
        )
        check_mode(registration)
        for _ in range(_ATTEMPTS):
            revision = await self._checked(registration)
            outcome = await self._registrations.insert(registration, revision=revision)
            if outcome is Outcome.DONE:
                return registration.id
            if outcome is Outcome.EXISTS and not await self._registrations.delete(
                caller.tenant, registration.id, expired_by=now
            ):
                raise AlreadyExists(f"the registration <{registration.id}> exists already")
        raise Overloaded("the registrations are being changed too often")

    async def update_registration(
        self, caller: Caller, registration_id: str, body: Any, context: Context
    ) -> None:
        """Update Context Source Registration (5.9.3).

        Raises BadRequestData, Conflict, ResourceNotFound, NonexistentTenant, Overloaded.
        """
        fragment = read_registration_fragment(body, context, registration_id=registration_id)
        for _ in range(_ATTEMPTS):
            current = await self.retrieve_registration(caller, registration_id)
            updated = self._updated(current, fragment)
            check_mode(updated)
            revision = await self._checked(updated)
            outcome = await self._registrations.replace(updated, revision=revision)
            if outcome is Outcome.DONE:
                return
        raise Overloaded(f"the registration <{registration_id}> is being changed too often")

    async def delete_registration(self, caller: Caller, registration_id: str) -> None:
        """Delete Context Source Registration (5.9.4).

        Raises ResourceNotFound, NonexistentTenant.
        """
        await self.retrieve_registration(caller, registration_id)
        if not await self._registrations.delete(caller.tenant, registration_id):
            raise _not_found(registration_id)

    async def retrieve_registration(self, caller: Caller, registration_id: str) -> Registration:
        """Retrieve Context Source Registration (5.10.1).

        Raises ResourceNotFound, NonexistentTenant.
        """
        await self._tenancy.require(caller)
        registration = await self._registrations.fetch(caller.tenant, registration_id)
        if registration is None or registration.is_expired(self._clock()):
            raise _not_found(registration_id)
        return registration

    async def query_registrations(
        self,
        caller: Caller,
        query: RegistrationQuery,
        context: Context,
        *,
        page: Page,
        with_count: bool,
    ) -> RegistrationPage:
        """Query Context Source Registrations (5.10.2); `context` is that of the request.

        Raises NonexistentTenant.
        """
        await self._tenancy.require(caller)
        now = self._clock()
        select = compile_selection(query, context)
        found: list[Registration] = []
        count = 0
        last = page.offset + page.limit
        async for registration in self._registrations.candidates(caller.tenant, query):
            if registration.is_expired(now) or select(registration) is None:
                continue
            if page.offset <= count < last:
                found.append(registration)
            count += 1
            if count > last and not with_count:
                break
        return RegistrationPage(found, count > last, count if with_count else None)

    async def _checked(self, registration: Registration) -> int | None:
        """Raise Conflict where the mode of a registration excludes what there is.

        Return the revision of the registrations that were looked at, None: none had to be.
        """
        if registration.mode not in PROXIED:
            return None
        tenant, now = registration.tenant, self._clock()
        revision = await self._registrations.revision(tenant)
        others = await self._registrations.find_proxied(tenant)
        live = [other for other in others if not other.is_expired(now)]
        if (other := conflicts(registration, live)) is not None:
            raise Conflict(
                f"the registration <{other.id}> of the mode {other.mode} covers what this one, of "
                f"the mode {registration.mode}, is about"
            )
        for query in entities_excluded(registration):
            found = await self._entities.find(tenant, query.evolve(now=now))
            if found.entities:
                raise Conflict(
                    f"the entity <{found.entities[0].id}> is here; with the mode "
                    f"{registration.mode} the broker has nothing itself of what is registered"
                )
        return revision

    def _updated(self, current: Registration, fragment: dict[str, Any]) -> Registration:
        now = self._clock()
        definition = {
            name: value
            for name, value in {**current.definition, **fragment}.items()
            if fragment.get(name) != NULL
        }
        if "expiresAt" in fragment and "expiresAt" in definition:
            check_expiry(definition["expiresAt"], now)
        return current.evolve(definition=definition, modified_at=now, version=current.version + 1)


def _not_found(registration_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"there is no registration <{registration_id}>")
