"""Who asks, for which tenant: what travels with every operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of a request. `tenant` "" is the default tenant (clause 5.5.10)."""

    tenant: str = ""
