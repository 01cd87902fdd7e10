"""When two JSON values are the same."""

from __future__ import annotations

from typing import Any


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON, at any depth; 1 is 1.0, and no boolean.

    To Python 1 and True are equal, and so are the objects and arrays they stand in.
    """
    return bool(one == other) and _agree_in_booleans(one, other)


def _agree_in_booleans(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_agree_in_booleans(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return all(map(_agree_in_booleans, one, other))
    return isinstance(one, bool) is isinstance(other, bool)
