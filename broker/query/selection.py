"""Type selection (clause 4.17) and scope queries (4.19): alternatives of what holds together."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from broker.model.errors import TooComplexQuery
from broker.model.terms import Terms
from broker.query.ast import ScopeExpression, ScopePattern, TypeExpression
from broker.query.scanner import Scanner

MAX_LENGTH = 16_384
MAX_ELEMENTS = 500
ANY_TYPE = "*"

T = TypeVar("T")


@lru_cache(maxsize=256)
def parse_types(text: str, terms: Terms) -> TypeExpression:
    """Return what a type selection means, with types expanded; `*` is `()`, no restriction.

    Beyond the grammar, `;` needs no parentheses. The result is cached, so `terms` has to be
    hashable. Raises BadRequestData, TooComplexQuery.
    """
    if text.strip() == ANY_TYPE:
        return ()
    scanner = Scanner(
        text, language="type", example="(Home;Vehicle)|Motorhome", max_length=MAX_LENGTH
    )

    def read_type() -> str:
        start = scanner.position
        name = scanner.take_until(";|,()").strip()
        if not name[:1].isalpha() or any(char in ' "<>\\^`{}' or char < " " for char in name):
            scanner.fail("the name or URI of an entity type", at=start)
        return terms.expand(name)

    return _alternatives(scanner, read_type)


@lru_cache(maxsize=1024)
def parse_scopes(text: str) -> ScopeExpression:
    """Return what a `scopeQ` means. Beyond the grammar, `;` needs no parentheses.

    Raises BadRequestData, TooComplexQuery.
    """
    scanner = Scanner(
        text,
        language="scopeQ",
        example="(/Madrid/Districts;/CompanyA)|/Madrid/+/Park/#",
        max_length=MAX_LENGTH,
    )

    def read_pattern() -> ScopePattern:
        start = scanner.position
        path = scanner.take_until(";|,()").strip()
        *levels, last = path.removeprefix("/").split("/")
        if last != "#":
            levels.append(last)
        if not path or not all(_is_level(level) for level in levels):
            scanner.fail("a scope ('+' stands for one level, a last '/#' for all below)", at=start)
        return ScopePattern(tuple(levels), with_subtree=last == "#")

    return _alternatives(scanner, read_pattern)


def _is_level(level: str) -> bool:
    return level == "+" or (
        level[:1].isalpha() and all(char.isalnum() or char == "_" for char in level)
    )


def _alternatives(scanner: Scanner, read: Callable[[], T]) -> tuple[tuple[T, ...], ...]:
    scanner.skip_spaces()
    alternatives = [_together(scanner, read)]
    while scanner.take("|") or scanner.take(","):
        alternatives.append(_together(scanner, read))
        if len(alternatives) > MAX_ELEMENTS:
            raise TooComplexQuery(f"a selection of more than {MAX_ELEMENTS} alternatives")
    if not scanner.at_end:
        scanner.fail("'|', ',' (or), ';' (and) or the end")
    return tuple(alternatives)


def _together(scanner: Scanner, read: Callable[[], T]) -> tuple[T, ...]:
    is_grouped = scanner.take("(")
    elements = [read()]
    while scanner.take(";"):
        elements.append(read())
    if is_grouped and not scanner.take(")"):
        scanner.fail("';' (and) or ')'")
    return tuple(elements)
