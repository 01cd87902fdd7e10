"""The text of an @context document: what is kept of it, and what is refused."""

from __future__ import annotations

from typing import Any, Final

import orjson

from broker.model.errors import BadRequestData

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DEEPEST: Final = 32


def context_text(raw: bytes, *, name: str) -> str:
    """Return the `@context` member of a JSON document, as the text of an object with it alone.

    Everything outside the member is dropped (clause 5.13.2.3). Raises BadRequestData, which begins
    with `name`, for what is not JSON, has no such member, or is nested too deeply.
    """
    try:
        document = orjson.loads(raw.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise BadRequestData(f"{name} is not valid JSON: {error}.") from error
    if not isinstance(document, dict) or "@context" not in document:
        raise BadRequestData(f"{name} is not a JSON object with the member @context.")
    _check_depth(document, name)
    return orjson.dumps({"@context": document["@context"]}).decode()


def _check_depth(document: Any, name: str) -> None:
    level = [document]
    for _ in range(_DEEPEST):
        members = [part.values() if isinstance(part, dict) else part for part in level]
        level = [part for group in members for part in group if isinstance(part, dict | list)]
        if not level:
            return
    raise BadRequestData(f"{name} is nested more than {_DEEPEST} levels deep.")
