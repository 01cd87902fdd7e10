"""Identifiers of entities: everything becomes a URI (clause 5.2.4)."""

from __future__ import annotations

import re
from urllib.parse import quote

_URI = re.compile(r"(urn|https?|did|tag|info):\S+", re.IGNORECASE)
_SAFE = "-._~:/?#[]@!$&*+,;="


def entity_uri(name: str, entity_type: str | None = None) -> str:
    """Return a URI for a name: itself if it is one, else `urn:ngsi-ld:{type}:{name}`.

    Without a type the name is taken as `Type:id`, as the IoT Agents write it.
    """
    text = quote(name.strip(), safe=_SAFE + "%")
    if _URI.fullmatch(text):
        return text
    return f"urn:ngsi-ld:{entity_type}:{text}" if entity_type else f"urn:ngsi-ld:{text}"
