"""Language tags (RFC 5646) as keys of a languageMap (clause 4.6.5)."""

from __future__ import annotations

import re

NO_LANGUAGE = "@none"
"""The key of the text that is in no particular language."""

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


def is_language_tag(text: object) -> bool:
    """Return whether a value has the form of a language tag, such as `ja` or `zh-Hant-TW`."""
    return type(text) is str and _TAG.fullmatch(text) is not None
