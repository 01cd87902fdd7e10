"""Scopes: the hierarchical labels of an entity (clause 4.18)."""

from __future__ import annotations

import re

_SCOPE = re.compile(r"/?[^\W\d_]\w*(?:/[^\W\d_]\w*)*")


def is_scope(text: object) -> bool:
    """Return whether a value is a scope such as `/Madrid/Gardens` or `Madrid`."""
    if type(text) is not str or _SCOPE.fullmatch(text) is None:
        return False
    return all(level[0].isalpha() for level in text.removeprefix("/").split("/"))
