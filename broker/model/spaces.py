"""Spaces: the places where entities live. A tenant is one; each snapshot of it is another.

Stores take the name of a space wherever they take a tenant, so that everything that can be done
with a tenant's entities can be done with a snapshot's (clause 5.5.15). The name of a tenant is its
own; a snapshot's is the tenant, a mark that no tenant's name has, and the key of the snapshot.
"""

from __future__ import annotations

MARK = "~"


def snapshot_space(tenant: str, key: str) -> str:
    """Return the space of a snapshot; `key` is 12 hexadecimal digits."""
    return f"{tenant}{MARK}{key}"


def is_snapshot(space: str) -> bool:
    """Say whether a space is a snapshot's."""
    return MARK in space


def tenant_of(space: str) -> str:
    """Return the tenant a space belongs to."""
    return space.partition(MARK)[0]


def key_of(space: str) -> str:
    """Return the key of the snapshot whose space this is, "" for a tenant's."""
    return space.partition(MARK)[2]
