"""Tokens to a closure that evaluates them: precedence climbing, depth and length bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.mqtt.expressions.lexer import InvalidExpression, Token, tokens_of
from adapters.mqtt.expressions.operators import BINARY, number_of, tidy, truth
from adapters.mqtt.expressions.transforms import TRANSFORMS, UNSUPPORTED

LENGTH_LIMIT = 2000
TOKEN_LIMIT = 300
DEPTH_LIMIT = 40
CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}

Evaluate: TypeAlias = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `variables` are the names it looks up."""

    text: str
    variables: frozenset[str]
    _evaluate: Evaluate

    def evaluate(self, context: Mapping[str, Any]) -> Any:
        """Return its value, `None` when a part it needs is not there or does not fit."""
        return self._evaluate(context)

    def is_covered_by(self, context: Mapping[str, Any]) -> bool:
        """Say whether all its variables have a value."""
        return all(context.get(name) is not None for name in self.variables)


def compile_expression(text: str) -> Expression:
    """Compile an expression. Raises `InvalidExpression` with the position of the fault."""
    if len(text) > LENGTH_LIMIT:
        raise InvalidExpression(f"the expression is longer than {LENGTH_LIMIT} characters")
    if "${" in text:
        raise InvalidExpression(
            "${…} is the IoT Agents' old language; write latitude + ', ' + longitude instead of "
            "${latitude}, ${longitude}"
        )
    tokens = tokens_of(text)
    if len(tokens) > TOKEN_LIMIT:
        raise InvalidExpression(f"the expression has more than {TOKEN_LIMIT} parts")
    parser = _Parser(tokens)
    evaluate = parser.whole()
    return Expression(text, frozenset(parser.variables), evaluate)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self.variables: set[str] = set()

    def whole(self) -> Evaluate:
        result = self._ternary()
        if self._peek().kind != "end":
            raise self._unexpected()
        return result

    def _ternary(self) -> Evaluate:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise InvalidExpression(f"the expression is nested deeper than {DEPTH_LIMIT} levels")
        test = self._either()
        result = test
        if self._take("?:"):
            other = self._ternary()
            result = lambda context: found if truth(found := test(context)) else other(context)  # noqa: E731
        elif self._take("?"):
            result = self._branches(test)
        self._depth -= 1
        return result

    def _branches(self, test: Evaluate) -> Evaluate:
        yes = self._ternary()
        self._expect(":")
        no = self._ternary()
        return lambda context: yes(context) if truth(test(context)) else no(context)

    def _either(self) -> Evaluate:
        left = self._both()
        while self._take("||"):
            left = _either(left, self._both())
        return left

    def _both(self) -> Evaluate:
        left = self._binary(3)
        while self._take("&&"):
            left = _both(left, self._binary(3))
        return left

    def _binary(self, least: int) -> Evaluate:
        left = self._unary()
        while (token := self._peek()).kind in ("mark", "name") and token.value in BINARY:
            precedence, work = BINARY[token.value]
            if precedence < least:
                break
            self._next += 1
            left = _apply(work, left, self._binary(precedence + 1))
        return left

    def _unary(self) -> Evaluate:
        signs = []
        while self._peek().kind == "mark" and self._peek().value in ("!", "-"):
            signs.append(self._peek().value)
            self._next += 1
        operand = self._postfix()
        for sign in reversed(signs):
            operand = _negate(operand) if sign == "-" else _refuse(operand)
        return operand

    def _postfix(self) -> Evaluate:
        value = self._primary()
        while True:
            if self._take("."):
                value = _member(value, _constant(self._name()))
            elif self._take("["):
                value = self._bracket(value)
            elif self._take("|"):
                value = self._transform(value)
            else:
                return value

    def _bracket(self, holder: Evaluate) -> Evaluate:
        if self._peek().value == ".":
            raise InvalidExpression("filters such as list[.size > 3] are not supported")
        index = self._ternary()
        self._expect("]")
        return _member(holder, index)

    def _transform(self, subject: Evaluate) -> Evaluate:
        name = self._name()
        if name not in TRANSFORMS:
            known = "is not supported here" if name in UNSUPPORTED else "does not exist"
            raise InvalidExpression(
                f"the transformation {name!r} {known}; there are {', '.join(sorted(TRANSFORMS))}"
            )
        work = TRANSFORMS[name]
        arguments = self._list(")") if self._take("(") else []
        return lambda context: work(subject(context), *(one(context) for one in arguments))

    def _primary(self) -> Evaluate:
        token = self._peek()
        if token.kind in ("number", "text"):
            self._next += 1
            return _constant(token.value)
        if token.kind == "name" and token.value not in BINARY:
            self._next += 1
            return self._variable(token.value)
        if self._take("("):
            inner = self._ternary()
            self._expect(")")
            return inner
        if self._take("["):
            items = self._list("]")
            return lambda context: [one(context) for one in items]
        if self._take("{"):
            return self._object()
        raise self._unexpected()

    def _variable(self, name: str) -> Evaluate:
        if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        if name == "oldCtxt":
            raise InvalidExpression("oldCtxt, the measure before, is not supported here")
        self.variables.add(name)
        return lambda context: context.get(name)

    def _object(self) -> Evaluate:
        members: list[tuple[str, Evaluate]] = []
        while not self._take("}"):
            token = self._peek()
            if token.kind not in ("name", "text"):
                raise self._unexpected()
            self._next += 1
            self._expect(":")
            members.append((token.value, self._ternary()))
            if not self._take(","):
                self._expect("}")
                break
        return lambda context: {name: value(context) for name, value in members}

    def _list(self, close: str) -> list[Evaluate]:
        items: list[Evaluate] = []
        while not self._take(close):
            items.append(self._ternary())
            if not self._take(","):
                self._expect(close)
                break
        return items

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self, mark: str) -> bool:
        token = self._peek()
        if token.kind == "mark" and token.value == mark:
            self._next += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._unexpected(f"instead of {mark!r}")

    def _name(self) -> str:
        token = self._peek()
        if token.kind != "name":
            raise self._unexpected("instead of a name")
        self._next += 1
        return str(token.value)

    def _unexpected(self, hint: str = "") -> InvalidExpression:
        token = self._peek()
        what = "the expression ends" if token.kind == "end" else f"unexpected {token.value!r}"
        return InvalidExpression(f"{what} at {token.at + 1} {hint}".rstrip())


def _constant(value: Any) -> Evaluate:
    return lambda _: value


def _apply(work: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda context: work(left(context), right(context))


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda context: found if truth(found := left(context)) else right(context)


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda context: right(context) if truth(found := left(context)) else found


def _refuse(operand: Evaluate) -> Evaluate:
    return lambda context: not truth(operand(context))


def _negate(operand: Evaluate) -> Evaluate:
    def negative(context: Mapping[str, Any]) -> Any:
        number = number_of(operand(context))
        return None if number is None else tidy(-number)

    return negative


def _member(holder: Evaluate, key: Evaluate) -> Evaluate:
    def look_up(context: Mapping[str, Any]) -> Any:
        value, name = holder(context), key(context)
        if isinstance(value, Mapping):
            return value.get(name) if isinstance(name, str) else None
        if isinstance(value, (list, str)) and isinstance(name, int) and 0 <= name < len(value):
            return value[name]
        if isinstance(value, (list, str)) and name == "length":
            return len(value)
        return None

    return look_up
