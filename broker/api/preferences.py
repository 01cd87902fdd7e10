"""What a client prefers (RFC 7240): the version of the standard, where GeoJSON has its @context."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from broker.api.media_types import DOCUMENT_TYPES
from broker.representations.conformance import Version, conformant

PREFER: Final = "Prefer"
PREFERENCE_APPLIED: Final = "Preference-Applied"

_PREFERENCE: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')
_VERSION: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


def preference(values: Iterable[str], name: str) -> str | None:
    """Return the value of a preference in lower case, "" if it has none, None if it is not there.

    `values` are those of all Prefer headers; of a preference given twice the first counts.
    """
    for value in values:
        for part in _PREFERENCE.findall(value):
            token, _, word = part.partition(";")[0].partition("=")
            if token.strip().lower() == name:
                return str(word.strip().strip('"').lower())
    return None


def preferred_version(values: Iterable[str]) -> Version | None:
    """Return the version of the standard that answers shall conform to, as far as they can.

    None for no such preference; one that cannot be read is no error, but passed over (RFC 7240).
    """
    match = _VERSION.fullmatch(preference(values, "ngsi-ld") or "")
    return None if match is None else conformant((int(match[1]), int(match[2])))


def confirm_version(version: Version, response: web.StreamResponse) -> None:
    """Tell which version a body in JSON or JSON-LD conforms to (clause 6.3.6)."""
    if response.status in {200, 203} and response.content_type in DOCUMENT_TYPES:
        response.headers[PREFERENCE_APPLIED] = "ngsi-ld={}.{}".format(*version)
