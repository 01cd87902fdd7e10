"""What stands to the right of an operator in `q`: values, lists, ranges, patterns (clause 4.9)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

from broker.model.datetimes import canonical_time_of_day, comparable_time
from broker.model.errors import TooComplexQuery
from broker.query.ast import Operand
from broker.query.scanner import Scanner

MAX_VALUES = 1000

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_BARE_END = re.compile(r"[;|),]|\.\.")
_OPERATORS = frozenset("<>=~!")
_INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 20


class OperandReader:
    """Reads the operands of one term; `expand`, where given, is applied to texts."""

    def __init__(self, scanner: Scanner, expand: Callable[[str], str] | None) -> None:
        self._scanner = scanner
        self._expand = expand

    def read_ordered(self) -> Operand:
        """Read the one operand of `>`, `>=`, `<`, `<=`: a number, text or time."""
        start = self._scanner.position
        operand = self._value()
        if isinstance(operand.value, bool):
            self._scanner.fail("a number, a text or a time", at=start)
        if self._scanner.text.startswith(("..", ","), self._scanner.position):
            self._scanner.fail("one value (ranges and lists go with == and != only)")
        return operand

    def read_any(self) -> tuple[list[Operand], bool]:
        """Read the operands of `==` and `!=`; also return whether they are the ends of a range.

        Raises BadRequestData, TooComplexQuery for a list that is too long.
        """
        start = self._scanner.position
        operands = [self._value()]
        if self._scanner.take(".."):
            operands.append(self._value())
            if not _comparable(*operands):
                self._scanner.fail("a range of two numbers, two texts or two times", at=start)
            return operands, True
        while self._scanner.take(","):
            operands.append(self._value())
            if len(operands) > MAX_VALUES:
                raise TooComplexQuery(f"q: a list of more than {MAX_VALUES} values")
        return operands, False

    def read_pattern(self) -> str:
        r"""Read a regular expression; in quotation marks only `\"` is an escape of the text."""
        scanner = self._scanner
        match = _STRING.match(scanner.text, scanner.position)
        if match is not None:
            scanner.position = match.end()
            scanner.skip_spaces()
            return match[0][1:-1].replace('\\"', '"')
        start = scanner.position
        expression = self._bare_pattern()
        if not expression:
            scanner.fail("a regular expression", at=start)
        return expression

    def _bare_pattern(self) -> str:
        scanner = self._scanner
        start, depth = scanner.position, 0
        while not scanner.at_end:
            char = scanner.peek()
            if char == "\\":
                scanner.position += 1
            elif char == "(":
                depth += 1
            elif depth == 0 and char in ";|)":
                break
            elif char == ")":
                depth -= 1
            scanner.position += 1
        return scanner.text[start : scanner.position].strip()

    def _value(self) -> Operand:
        scanner = self._scanner
        start = scanner.position
        if scanner.peek() == '"':
            return self._operand(self._quoted())
        bare = self._bare()
        if not bare or bare[0] in _OPERATORS:
            scanner.fail('a value (a number, true, false, a "text", a time or a URI)', at=start)
        if bare in {"true", "false"}:
            return Operand(bare == "true")
        number = _NUMBER.fullmatch(bare)
        if number is None:
            if bare[0] in "'\"":
                scanner.fail("a text in double quotation marks", at=start)
            return self._operand(bare)
        return Operand(self._number(number, start))

    def _quoted(self) -> str:
        scanner = self._scanner
        match = _STRING.match(scanner.text, scanner.position)
        if match is None:
            scanner.fail("a text that ends with a quotation mark")
        try:
            text: str = json.loads(match[0], strict=False)
        except ValueError:
            scanner.fail("a JSON string (a backslash is written \\\\)")
        if any("\ud800" <= char <= "\udfff" for char in text):
            scanner.fail("a text without unpaired surrogates")
        scanner.position = match.end()
        scanner.skip_spaces()
        return text

    def _bare(self) -> str:
        scanner = self._scanner
        match = _BARE_END.search(scanner.text, scanner.position)
        while match is not None and match[0] == ".." and not self._ends_low(match.start()):
            match = _BARE_END.search(scanner.text, match.end())
        end = len(scanner.text) if match is None else match.start()
        bare = scanner.text[scanner.position : end].strip()
        scanner.position = end
        return bare

    def _ends_low(self, end: int) -> bool:
        """Return whether the text up to `end` is a number or a time, so that ".." makes a range."""
        text = self._scanner.text[self._scanner.position : end].strip()
        return _NUMBER.fullmatch(text) is not None or time_of(text) is not None

    def _number(self, match: re.Match[str], start: int) -> int | float:
        is_short = len(match[0]) <= _INT64_DIGITS
        if match[1] is None and match[2] is None and is_short and int(match[0]) in _INT64:
            return int(match[0])
        number = float(match[0])
        if math.isinf(number):
            self._scanner.fail("a number up to 1.7e308", at=start)
        return number

    def _operand(self, text: str) -> Operand:
        if self._expand is not None:
            return Operand(self._expand(text))
        return Operand(text, time_of(text))


def time_of(text: str) -> str | None:
    """Return the `time` of the operand a text is."""
    time = comparable_time(text)
    if isinstance(time, str):
        return time
    time_of_day = canonical_time_of_day(text)
    return None if time_of_day is None else f"T{time_of_day}"


def _comparable(low: Operand, high: Operand) -> bool:
    if isinstance(low.value, bool) or isinstance(high.value, bool):
        return False
    if isinstance(low.value, str) != isinstance(high.value, str):
        return False
    # a date and a date-time share the form, times of day do not
    kinds = {None if operand.time is None else operand.time[0] == "T" for operand in (low, high)}
    return len(kinds) == 1
