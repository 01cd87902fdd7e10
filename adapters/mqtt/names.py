"""Names of attributes for the members of payloads that nobody mapped."""

from __future__ import annotations

import re

from broker.model.attributes import GEO_ATTRIBUTES, RESERVED_MEMBERS

RESERVED = RESERVED_MEMBERS | {"id", "scope"}
"""Members with a meaning of their own in an entity: no attribute can have such a name."""

_NOT_IN_NAMES = re.compile(r"\W")


def attribute_name(member: str) -> str:
    """Return a member of a payload as a name the standard allows (clause 4.6.2).

    Reserved names get the prefix the IoT Agents give `id` and `type`: `value` is `measure_value`.
    """
    if member in RESERVED:
        return f"measure_{member}"
    name = _NOT_IN_NAMES.sub("_", member)
    return name if name[:1].isalpha() else f"m{name}"


def name_beside(name: str) -> str:
    """Return the name of what cannot be the attribute of this name: `location` is a geometry."""
    return f"measure_{name}" if name in GEO_ATTRIBUTES else name
