"""Text of an expression to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>[A-Za-z_$\u00c0-\uffff][\w$]*)
    | (?P<mark>\?:|&&|\|\||==|!=|<=|>=|//|[-+*/%^<>!?:.,|()\[\]{}])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class InvalidExpression(ValueError):
    """The expression cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, text, name, mark or end; `at` the position in the text."""

    kind: str
    value: Any
    at: int


def tokens_of(text: str) -> list[Token]:
    """Return the tokens, closed by one of kind `end`. Raises `InvalidExpression`."""
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            rest = text[position:].lstrip()
            raise InvalidExpression(f"unexpected {rest[:1]!r} at {len(text) - len(rest) + 1}")
        tokens.append(_token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*tokens, Token("end", "", end)]


def _token(kind: str, text: str, at: int) -> Token:
    if kind == "number":
        is_whole = text.isdigit() and len(text) < 18
        return Token(kind, int(text) if is_whole else float(text), at)
    if kind == "text":
        plain = _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1])
        return Token(kind, plain, at)
    return Token(kind, text, at)
