"""Names and identifiers: URIs (clauses 4.5.1, 5.2.1) and names of types and attributes (4.6.2)."""

from __future__ import annotations

import re
from functools import lru_cache

from broker.model.terms import Terms

_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:"
    r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]++|%[0-9A-Fa-f]{2}|[^\x00-\x7f]++)++"
)
_NAME = re.compile(r"[^\W\d_]\w*(?::[^\W\d_]\w*)?")
_HYPHENATED = re.compile(r"[^\W\d_][\w-]*")
_UNSEEN = re.compile("[\u115f\u1160\u3164\uffa0\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors, and letters and patterns that are drawn as nothing: fillers of Hangul, the
blank of Braille."""


def is_uri(text: object) -> bool:
    """Return whether a value is a URI (RFC 3986) or an IRI (RFC 3987) that can be read back.

    Besides what the grammar forbids, characters nobody can see are refused (controls, separators,
    format characters, variation selectors, fillers): two ids that look the same must be the same.
    """
    if type(text) is not str or _URI.fullmatch(text) is None:
        return False
    return text.isascii() or (text.isprintable() and _UNSEEN.search(text) is None)


@lru_cache(maxsize=8192)
def is_name(text: str) -> bool:
    """Return whether a text names a type or an attribute: a name, `prefix:name` or an IRI.

    A name begins with a letter and goes on with letters, digits and `_`, of any script.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        return is_uri(text)
    return text[0].isalpha()


def is_term(text: str, terms: Terms) -> bool:
    """Return whether a text names a type or an attribute where an @context is in force.

    Beyond the grammar, terms with hyphens that the @context defines: data models in wide use have
    them (`N-TOT`), and what is compacted with that @context must be readable with it.
    """
    return is_name(text) or (_HYPHENATED.fullmatch(text) is not None and terms.defines(text))
