"""Regular expressions of queries and id patterns (IEEE 1003.2, clauses 4.9 and 5.2.33).

They run on RE2, whose time is linear in the length of the text, so no expression a client sends
can stall the broker. What RE2 accepts means the same to the database's PCRE, with one exception
that `portable` evens out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import re2

from broker.model.errors import BadRequestData, TooComplexQuery

MAX_LENGTH = 1000
_MAX_MEMORY = 1 << 20


def check_pattern(expression: str, *, parameter: str) -> None:
    """Raise if `expression` is no regular expression this broker can run.

    Raises BadRequestData for a malformed one, TooComplexQuery for one that is too long.
    """
    if len(expression) > MAX_LENGTH:
        raise TooComplexQuery(
            f"{parameter}: a regular expression may have {MAX_LENGTH} characters, "
            f"this one has {len(expression)}"
        )
    if "\0" in expression:
        raise BadRequestData(f"{parameter}: a regular expression cannot contain the character NUL")
    try:
        _compile(expression)
    except re2.error as error:
        raise BadRequestData(
            f'{parameter}: "{expression}" is not a regular expression the broker can run '
            f"({_reason(error)}); back-references and look-around are not supported"
        ) from error


@lru_cache(maxsize=2048)
def finder(expression: str) -> Callable[[str], bool]:
    """Return a predicate: the (checked) expression is found somewhere in a text."""
    search = _compile(expression).search
    return lambda text: search(text) is not None


@lru_cache(maxsize=2048)
def portable(expression: str) -> str:
    r"""Return the expression with `$` written `\z`.

    PCRE lets `$` match before a line end at the end of the text, RE2 and POSIX do not.
    """
    parts: list[str] = []
    in_class = False
    position = 0
    while position < len(expression):
        width = _width(expression, position, in_class=in_class)
        read = expression[position : position + width]
        if read[0] == "[" and not in_class:
            in_class = True
        elif read == "]":
            in_class = False
        parts.append(r"\z" if read == "$" and not in_class else read)
        position += width
    return "".join(parts)


def _width(expression: str, position: int, *, in_class: bool) -> int:
    if expression[position] == "\\":
        return 2
    if expression[position] != "[":
        return 1
    if in_class:
        # a POSIX class such as [:alpha:] inside the brackets
        end = expression.find(":]", position)
        return end + 2 - position if expression.startswith("[:", position) and end > 0 else 1
    # the bracket that opens a class, with what would otherwise be read as its end
    return next(
        len(opening) for opening in ("[^]", "[]", "[") if expression.startswith(opening, position)
    )


def _compile(expression: str) -> re2._Regexp[str]:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return re2.compile(portable(expression), options)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
