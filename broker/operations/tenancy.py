"""Which tenants an operation may name (clause 5.5.10)."""

from __future__ import annotations

from broker.model.errors import NonexistentTenant
from broker.operations.caller import Caller
from broker.storage.tenants import TenantDirectory


class Tenancy:
    """Tenants come into being with the first operation that creates information in them."""

    def __init__(self, *, tenants: TenantDirectory) -> None:
        self._tenants = tenants

    async def require(self, caller: Caller) -> None:
        """Raise NonexistentTenant unless the caller's tenant exists (that of a snapshot does)."""
        if caller.tenant and caller.key is None and not await self._tenants.exists(caller.tenant):
            raise NonexistentTenant(
                f"the tenant {caller.tenant!r} does not exist; creating an entity, a subscription "
                "or a registration for it creates it"
            )
