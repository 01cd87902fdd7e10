"""JMESPath with our functions: one place that compiles it and one that evaluates it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from adapters.rest.functions import OPTIONS
from adapters.runtime.errors import Misconfigured, SkipRecord
from adapters.runtime.faults import Faults

T = TypeVar("T")


def compiled(text: str, where: str) -> ParsedResult:
    """Return the expression; raises `Misconfigured` that names the place if it cannot be read."""
    try:
        return jmespath.compile(text)
    except JMESPathError as error:
        reason = str(error).splitlines()[0].removesuffix(", for expression:").rstrip(":")
        raise Misconfigured(f"{where}: {text!r} is not an expression: {reason}") from error


def compiled_if_given(text: str | None, where: str) -> ParsedResult | None:
    """Return the expression, `None` where there is none; raises `Misconfigured`."""
    return None if text is None else compiled(text, where)


def all_of(makers: Mapping[str, Callable[[], T]], faults: Faults) -> dict[str, T]:
    """Return what the makers make, by name; what one complains of is collected."""
    made: dict[str, T] = {}
    for name, make in makers.items():
        with faults.collected():
            made[name] = make()
    return made


def search(expression: ParsedResult, scope: Any) -> Any:
    """Return what the expression finds; raises `SkipRecord` when it cannot be evaluated."""
    try:
        return expression.search(scope, options=OPTIONS)
    except JMESPathError as error:
        raise SkipRecord(f"{expression.expression}: {error}") from error
