"""Operators with JavaScript's rules; `None` (nothing there) spreads instead of failing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

EXACT = 2**53


def number_of(value: Any) -> float | None:
    """Return a value as number, `None` when it is none (a text that reads as a number is one)."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        try:
            return tidy(float(value)) if value.strip() else 0
        except ValueError:
            return None
    return None


def tidy(number: float) -> float | None:
    """Return a result as people write it: 15 digits, whole numbers as int, `None` for infinity.

    15 digits drop what binary fractions add (48.1 / 100 is 0.481, not 0.48100000000000004).
    """
    if isinstance(number, int):
        return number if abs(number) < EXACT else tidy(float(number))
    if not math.isfinite(number):
        return None
    if number.is_integer() and abs(number) < EXACT:
        return int(number)
    return float(f"{number:.15g}")


def text_of(value: Any) -> str:
    """Return a value as the text JavaScript would show."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(text_of(one) for one in value)
    return "" if value is None else str(value)


def truth(value: Any) -> bool:
    """Say whether a value counts as true: empty arrays and objects do."""
    return value not in (None, False, 0, "") or isinstance(value, (list, dict))


def add(left: Any, right: Any) -> Any:
    """Add numbers, or join texts when one side is a text."""
    if left is None or right is None:
        return None
    if isinstance(left, str) or isinstance(right, str):
        return text_of(left) + text_of(right)
    return _arithmetic(lambda one, other: one + other)(left, right)


def equals(left: Any, right: Any) -> bool:
    """Compare as `==` does: a number equals its text."""
    if type(left) is type(right) or left is None or right is None:
        return bool(left == right)
    numbers = number_of(left), number_of(right)
    return None not in numbers and numbers[0] == numbers[1]


def contains(item: Any, whole: Any) -> bool | None:
    """Say whether a text or array holds an item."""
    if isinstance(whole, str):
        return text_of(item) in whole
    return item in whole if isinstance(whole, (list, dict)) else None


def _arithmetic(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        one, other = number_of(left), number_of(right)
        if one is None or other is None:
            return None
        try:
            result = work(one, other)
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        return tidy(result) if isinstance(result, (int, float)) else None

    return apply


def _comparison(work: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if isinstance(left, str) and isinstance(right, str):
            return work(left, right)
        one, other = number_of(left), number_of(right)
        return None if one is None or other is None else work(one, other)

    return apply


BINARY: Mapping[str, tuple[int, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "==": (3, equals),
        "!=": (3, lambda left, right: not equals(left, right)),
        "<": (4, _comparison(lambda one, other: one < other)),
        "<=": (4, _comparison(lambda one, other: one <= other)),
        ">": (4, _comparison(lambda one, other: one > other)),
        ">=": (4, _comparison(lambda one, other: one >= other)),
        "in": (4, contains),
        "+": (5, add),
        "-": (5, _arithmetic(lambda one, other: one - other)),
        "*": (6, _arithmetic(lambda one, other: one * other)),
        "/": (6, _arithmetic(lambda one, other: one / other)),
        "//": (6, _arithmetic(lambda one, other: one // other)),
        "%": (6, _arithmetic(math.fmod)),
        "^": (7, _arithmetic(math.pow)),
    }
)
"""Operator → precedence, function. `&&` (2) and `||` (1) decide themselves what they evaluate."""
