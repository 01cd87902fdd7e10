"""Identifiers of entities: everything becomes a URI (clause 5.2.4)."""

from __future__ import annotations

import re
from urllib.parse import quote

_URI = re.compile(r"(urn|https?|did|tag|info):\S+", re.IGNORECASE)
_SAFE = "-._~:/?#[]@!$&*+,;="


def entity_uri(name: str, entity_type: str | None = None) -> str:
    """Return a URI for a name: itself if it is one, else `urn:ngsi-ld:{type}:{name}`.

    The type is not said twice: `Room:7` of the type `Room` is `urn:ngsi-ld:Room:7`. Without a type
    the name is taken as `Type:id`, as the IoT Agents write it.
    """
    text = quote(name.strip(), safe=_SAFE + "%")
    if _URI.fullmatch(text):
        return text
    if not entity_type or text.startswith(f"{entity_type}:"):
        return f"urn:ngsi-ld:{text}"
    return f"urn:ngsi-ld:{entity_type}:{text}"
