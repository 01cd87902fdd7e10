"""The NGSI-LD Core @context, pinned: it is never fetched and nothing overrides it (clause 4.4).

Every published version is built in. One document serves them all, because whichever version a
client names, the broker considers its own Core @context, that of V1.9.1, in the last position.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

CORE_CONTEXT_URL: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
DEFAULT_VOCABULARY: Final = "https://uri.etsi.org/ngsi-ld/default-context/"
PINNED_VERSIONS: Final = ("v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9")

_PREFIX: Final = "uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
_EARLIER: Final = "coreContext/ngsi-ld-core-context.jsonld"
"""Where it was before it had a URL of its own; examples on the Web still say so."""
_PINNED_URLS: Final = frozenset(
    (
        *(
            f"{scheme}://{_PREFIX}{version}.jsonld"
            for scheme in ("http", "https")
            for version in ("", *(f"-{version}" for version in PINNED_VERSIONS))
        ),
        f"https://forge.etsi.org/gitlab/NGSI-LD/NGSI-LD/raw/master/{_EARLIER}",
        f"https://forge.etsi.org/rep/NGSI-LD/NGSI-LD/raw/master/{_EARLIER}",
    )
)


def is_core_url(url: str) -> bool:
    """Say whether a URL names a version of the Core @context that is built in."""
    return url in _PINNED_URLS


@cache
def core_document() -> dict[str, Any]:
    """Return the pinned document, `{"@context": {...}}` (annex B). Not to be changed."""
    source = files("schemas") / "core" / "ngsi-ld-core-context-v1.9.jsonld"
    document: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return document
