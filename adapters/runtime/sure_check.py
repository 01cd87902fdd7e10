"""A compiled pre-check for JSON Schema: what it calls valid certainly is.

It knows the keywords that ordinary attribute schemas use. A schema with any other keyword gives a
check that is never sure, and jsonschema decides. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], bool]
Resolve: TypeAlias = Callable[[str], Any]
"""Returns the schema a `$ref` names; raises `LookupError` for one it does not know."""

ANNOTATIONS = frozenset(
    {"title", "description", "examples", "default", "$comment", "$schema", "$id", "$defs"}
)
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
DEEPEST = 12


def sure_check(schema: Any, resolve: Resolve, *, depth: int = 0) -> Check:
    """Compile a check that is true only for values the schema allows."""
    if schema is True:
        return _always
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return _never
    checks = []
    for keyword, argument in schema.items():
        if keyword in ANNOTATIONS or keyword.startswith("x-"):
            continue
        check = _keyword_check(keyword, argument, resolve, depth + 1)
        if check is _never:
            return _never
        checks.append(check)
    return _all_of(checks)


def _always(value: Any) -> bool:
    return True


def _never(value: Any) -> bool:
    return False


def _keyword_check(keyword: str, argument: Any, resolve: Resolve, depth: int) -> Check:
    if keyword in SIMPLE:
        return SIMPLE[keyword](argument)
    if keyword == "$ref":
        try:
            return sure_check(resolve(argument), resolve, depth=depth)
        except LookupError:
            return _never
    if keyword in NESTED:
        return NESTED[keyword](argument, lambda one: sure_check(one, resolve, depth=depth))
    return _never


def _is_number(value: Any) -> bool:
    return type(value) in NUMBERS


NUMBERS = frozenset({int, float})
TYPES: Mapping[str, Check] = {
    "string": lambda value: type(value) is str,
    "number": _is_number,
    "integer": lambda value: type(value) is int,
    "boolean": lambda value: type(value) is bool,
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "null": lambda value: value is None,
}


def _type(argument: Any) -> Check:
    names = argument if isinstance(argument, list) else [argument]
    return _any_of([TYPES.get(name, _never) for name in names])


def _enum(choices: Any) -> Check:
    """Recognise text, true, false and null; a number among the choices is never sure."""
    kinds = {str, bool, type(None)}
    sure = frozenset(one for one in choices if type(one) in kinds)
    return lambda value: type(value) in kinds and value in sure


def _format(name: Any) -> Check:
    if name != "date-time":
        return _always  # jsonschema checks no other format here either
    return _is_date_time


def _is_date_time(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    if DATE_TIME.fullmatch(value) is None:
        return False
    try:
        return datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def _properties(schemas: Mapping[str, Any], compiled: Callable[[Any], Check]) -> Check:
    checks = {name: compiled(one) for name, one in schemas.items()}

    def check(value: Any) -> bool:
        if isinstance(value, dict):
            for name, member in value.items():
                one = checks.get(name)
                if one is not None and not one(member):
                    return False
        return True

    return check


def _every_member(schema: Any, compiled: Callable[[Any], Check]) -> Check:
    """Ask it of all members, the named ones too: nothing is sure that should not be."""
    one = compiled(schema)
    return lambda value: not isinstance(value, dict) or all(map(one, value.values()))


def _items(schema: Any, compiled: Callable[[Any], Check]) -> Check:
    one = compiled(schema)
    return lambda value: not isinstance(value, list) or all(map(one, value))


def _prefix(schemas: list[Any], compiled: Callable[[Any], Check]) -> Check:
    checks = [compiled(one) for one in schemas]

    def check(value: Any) -> bool:
        if isinstance(value, list):
            for one, item in zip(checks, value, strict=False):
                if not one(item):
                    return False
        return True

    return check


def _any_of(checks: list[Check]) -> Check:
    """Combine checks two and two: see `_all_of`."""
    if not checks:
        return _never
    first, rest = checks[0], checks[1:]
    if not rest:
        return first
    others = _any_of(rest)
    return lambda value: first(value) or others(value)


def _all_of(checks: list[Check]) -> Check:
    """Combine checks two and two: an ordinary schema has few, and calls cost less than loops."""
    if not checks:
        return _always
    first, rest = checks[0], checks[1:]
    if not rest:
        return first
    others = _all_of(rest)
    return lambda value: first(value) and others(value)


SIMPLE: Mapping[str, Callable[[Any], Check]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda wanted: _enum([wanted]),
    "format": _format,
    "minimum": lambda least: lambda value: not _is_number(value) or value >= least,
    "maximum": lambda most: lambda value: not _is_number(value) or value <= most,
    "exclusiveMinimum": lambda least: lambda value: not _is_number(value) or value > least,
    "exclusiveMaximum": lambda most: lambda value: not _is_number(value) or value < most,
    "minLength": lambda least: lambda value: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda most: lambda value: not isinstance(value, str) or len(value) <= most,
    "minItems": lambda least: lambda value: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda most: lambda value: not isinstance(value, list) or len(value) <= most,
    "pattern": lambda pattern: _pattern(re.compile(pattern)),
    "required": lambda names: _required(frozenset(names)),
}


def _required(names: frozenset[str]) -> Check:
    return lambda value: not isinstance(value, dict) or names <= value.keys()


def _pattern(pattern: re.Pattern[str]) -> Check:
    return lambda value: not isinstance(value, str) or pattern.search(value) is not None


NESTED: Mapping[str, Callable[[Any, Callable[[Any], Check]], Check]] = {
    "properties": _properties,
    "additionalProperties": _every_member,
    "items": _items,
    "prefixItems": _prefix,
    "anyOf": lambda schemas, compiled: _any_of([compiled(one) for one in schemas]),
    "allOf": lambda schemas, compiled: _all_of([compiled(one) for one in schemas]),
}
