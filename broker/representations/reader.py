"""What the readers of one request body share: the @context, the rules in force, the refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from broker.model.errors import BadRequestData
from broker.model.terms import Terms

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the top of the body (or of its part) to a place inside it."""


DEEPEST_ATTRIBUTE = 20
"""Attributes within attributes; as for values, well under what the interpreter's stack allows."""
DEEPEST_VALUE = 100
"""Objects and arrays within a value."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What the clause of an operation allows in its body.

    - `nulls`: the NGSI-LD Null may stand for attributes and their members (clause 5.5.8);
    - `nulls_in_values`: it may also stand inside objects that are values (clause 5.5.12);
    - `partial`: an attribute may come without its value, its type or both;
    - `simplified`: attributes come in the simplified representation (clause 4.5.4).
    """

    nulls: bool = False
    nulls_in_values: bool = False
    partial: bool = False
    simplified: bool = False


COMPLETE = Payload()
UPDATE = Payload(nulls=True)
PARTIAL = Payload(nulls=True, partial=True)
MERGE = Payload(nulls=True, nulls_in_values=True, partial=True)
MERGE_SIMPLIFIED = Payload(nulls=True, nulls_in_values=True, partial=True, simplified=True)


class Reader:
    """One request body on its way in.

    `at` leads from the top of the request to the part that is read (an item of a batch), and
    `attribute` names the attribute a body is about when it holds just one; both only serve to
    tell the client what is wrong where.
    """

    __slots__ = ("at", "attribute", "expand", "nulls", "payload", "terms")

    def __init__(
        self,
        terms: Terms,
        payload: Payload,
        *,
        at: Path = (),
        attribute: str | None = None,
    ) -> None:
        self.terms = terms
        self.expand: Callable[[str], str] = terms.expand
        self.payload = payload
        self.nulls = payload.nulls
        self.at = at
        self.attribute = attribute

    def refusal(self, path: Path, reason: str) -> BadRequestData:
        """Return the error for a place: `reason` says what is wrong there and what would be right.

        The first key of the path is taken for the attribute concerned unless `attribute` is set.
        """
        pointer = "".join(f"/{_escape(key)}" for key in (*self.at, *path))
        named = self.attribute or (path[0] if path else None)
        place = ".".join(
            str(key) for key in (*((self.attribute,) if self.attribute else ()), *path)
        )
        return BadRequestData(
            f"{place}: {reason}" if place else f"{reason[:1].upper()}{reason[1:]}",
            pointer=pointer,
            attribute_names=(named,)
            if isinstance(named, str) and named not in _NO_ATTRIBUTE
            else (),
        )


_NO_ATTRIBUTE = frozenset({"id", "@id", "type", "@type", "scope", "expiresAt", "@context"})


def _escape(key: str | int) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def shown(value: Any) -> str:
    """Return a value for an error message, cut to a length that can be read."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
