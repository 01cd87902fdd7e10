"""URLs as logs, health and messages show them: without what opens doors. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_SECRET = re.compile(
    r"key|token|secret|pass|pwd|auth|sig|credential|session|app[-_]?id|client[-_]?id",
    re.IGNORECASE,
)
_LONG = re.compile(r"[\w.~%+/=-]{32,}")
HIDDEN = "…"


def shown_url(url: str) -> str:
    """Return a URL without user and password, and without values that are or look like keys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_shown(one) for one in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _shown(parameter: str) -> str:
    name, sign, value = parameter.partition("=")
    hidden = sign and value and (_SECRET.search(name) or _LONG.fullmatch(value))
    return f"{name}={HIDDEN}" if hidden else parameter
