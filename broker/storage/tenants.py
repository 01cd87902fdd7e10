"""What operations need to know about tenants."""

from __future__ import annotations

from typing import Protocol


class TenantDirectory(Protocol):
    """The tenants that exist (clause 5.5.10)."""

    async def exists(self, tenant: str) -> bool:
        """Say whether the tenant exists; the default tenant "" always does.

        Raises BadRequestData for a name that cannot be a tenant's.
        """
