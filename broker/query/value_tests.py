"""Whether a value satisfies a term of `q` (the semantics at the end of clause 4.9).

A test takes a target value. Where that is an array, the term holds if it does for any element;
`!=` and `!~=` hold if it does for none. Nested arrays are not entered. Values of another type than
the operand's never match, except by `!=`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from broker.model.datetimes import canonical_time_of_day, comparable_time
from broker.query.ast import Comparison, OneOf, Operand, Pattern, Range
from broker.query.patterns import finder

ValueTest: TypeAlias = Callable[[Any], bool]
ValueTerm: TypeAlias = OneOf | Range | Comparison | Pattern

INT64 = range(-(2**63), 2**63)
"""Integers beyond are kept and returned, but take no part in comparisons."""

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def value_test(term: ValueTerm, *, is_text: bool = False) -> ValueTest:
    """Return the test of a term, its negation included.

    With `is_text` the target is a member such as `unitCode`, compared as text even where the
    operand looks like a time.
    """
    element = _element_test(term, is_text=is_text)

    def any_element(value: Any) -> bool:
        if type(value) is list:
            return any(map(element, value))
        return element(value)

    if isinstance(term, OneOf | Range) and term.is_negated:
        return lambda value: not any_element(value)
    if isinstance(term, Pattern) and term.is_negated:
        return lambda value: _has_text(value) and not any_element(value)
    return any_element


def _has_text(value: Any) -> bool:
    if type(value) is list:
        return any(type(element) is str for element in value)
    return type(value) is str


def _element_test(term: ValueTerm, *, is_text: bool) -> ValueTest:
    if isinstance(term, Pattern):
        is_found = finder(term.expression)
        return lambda element: type(element) is str and is_found(element)
    if isinstance(term, OneOf):
        return _membership(term.operands, is_text=is_text)
    if isinstance(term, Range):
        key = _comparison_key(term.low, is_text=is_text)
        low, high = (_operand_key(end, is_text=is_text) for end in (term.low, term.high))
        return lambda element: (found := key(element)) is not None and low <= found <= high
    key = _comparison_key(term.operand, is_text=is_text)
    holds, bound = _ORDERS[term.operator], _operand_key(term.operand, is_text=is_text)
    return lambda element: (found := key(element)) is not None and holds(found, bound)


def _membership(operands: tuple[Operand, ...], *, is_text: bool) -> ValueTest:
    groups: dict[Callable[[Any], Any], set[Any]] = {}
    for operand in operands:
        key = _comparison_key(operand, is_text=is_text)
        groups.setdefault(key, set()).add(_operand_key(operand, is_text=is_text))
    if len(groups) == 1:
        key, wanted = groups.popitem()
        return lambda element: key(element) in wanted
    return lambda element: any(key(element) in wanted for key, wanted in groups.items())


def _operand_key(operand: Operand, *, is_text: bool) -> Any:
    return operand.value if operand.time is None or is_text else operand.time


def _comparison_key(operand: Operand, *, is_text: bool) -> Callable[[Any], Any]:
    """Return what brings a value to the form of an operand, or to None if it has another type."""
    if isinstance(operand.value, bool):
        return _boolean
    if isinstance(operand.value, int | float):
        return _number
    if operand.time is None or is_text:
        return _text
    return _time_of_day if operand.time.startswith("T") else _time


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _number(value: Any) -> int | float | None:
    kind = type(value)
    if kind is float or (kind is int and value in INT64):
        number: int | float = value
        return number
    return None


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _time(value: Any) -> str | None:
    if type(value) is str or type(value) is dict:
        time = comparable_time(value)
        return time if isinstance(time, str) else None
    return None


def _time_of_day(value: Any) -> str | None:
    if type(value) is not str:
        return None
    time = canonical_time_of_day(value)
    return None if time is None else f"T{time}"
