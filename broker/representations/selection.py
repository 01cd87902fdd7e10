"""The attribute projection language: `pick=id,name,locatedIn{name}` (clause 4.21)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from broker.model.errors import BadRequestData
from broker.model.names import is_term
from broker.model.terms import Terms

Selection: TypeAlias = "Mapping[str, Selection | None]"
"""From each member named (`id`, `type`, `scope`, or an expanded attribute name) to what is said of
the entities it links to (None: nothing)."""

OWN_MEMBERS = frozenset({"id", "type", "scope", "expiresAt", "createdAt", "modifiedAt"})
"""The members of an entity that are no attributes."""

_TOKEN = re.compile(r"[,|{}]|[^,|{}]+")


def parse_selection(given: str | Iterable[str], terms: Terms) -> Selection:
    """Return the selection a parameter `pick` or `omit` makes, attribute names expanded.

    A list (in a subscription or a posted query) has one or more terms an element. Raises
    BadRequestData.
    """
    text = given if isinstance(given, str) else ",".join(given)
    tokens = [token for token in _TOKEN.findall(text) if token.strip()]
    selection, position = _parse_terms(tokens, 0, text, terms)
    if position < len(tokens):
        raise _refusal(text, f"'{tokens[position]}' is not expected there")
    return selection


def attrs_selection(names: Iterable[str], terms: Terms) -> Selection:
    """Return what the deprecated `attrs` picks: the attributes named, besides the entity's own.

    Raises BadRequestData for a name no attribute can have.
    """
    selection: dict[str, Selection | None] = dict.fromkeys(OWN_MEMBERS)
    for name in names:
        if name in OWN_MEMBERS:
            raise BadRequestData(
                f"attrs: {name!r} is not the name of an attribute; pick={name} takes it, too"
            )
        if not is_term(name, terms):
            raise BadRequestData(f"attrs: {name!r} is not the name of an attribute.")
        selection[terms.expand(name)] = None
    return selection


def depth_of(selection: Selection | None) -> int:
    """Return how many links a selection follows: 0 for names alone."""
    if selection is None:
        return 0
    return max(
        (1 + depth_of(inner) for inner in selection.values() if inner is not None), default=0
    )


def _parse_terms(
    tokens: list[str], position: int, text: str, terms: Terms
) -> tuple[Selection, int]:
    """Parse terms up to the closing brace or the end; return where that is."""
    selection: dict[str, Selection | None] = {}
    while True:
        name, position = _parse_name(tokens, position, text, terms)
        inner: Selection | None = None
        if position < len(tokens) and tokens[position] == "{":
            if name in OWN_MEMBERS:
                raise _refusal(text, f"'{name}' links to nothing")
            inner, position = _parse_terms(tokens, position + 1, text, terms)
            if position >= len(tokens):
                raise _refusal(text, "a '}' is missing")
            position += 1
        selection[name] = inner
        if position >= len(tokens) or tokens[position] not in {",", "|"}:
            return selection, position
        position += 1


def _parse_name(tokens: list[str], position: int, text: str, terms: Terms) -> tuple[str, int]:
    name = tokens[position].strip() if position < len(tokens) else ""
    if name in OWN_MEMBERS:
        return name, position + 1
    if not is_term(name, terms):
        found = f"found {name!r}" if name else "nothing is left"
        raise _refusal(text, f"the name of an attribute is expected, {found}")
    return terms.expand(name), position + 1


def _refusal(text: str, reason: str) -> BadRequestData:
    return BadRequestData(
        f"The projection {text!r} cannot be read: {reason}. It is a list such as"
        " 'id,name,locatedIn{name}'."
    )
