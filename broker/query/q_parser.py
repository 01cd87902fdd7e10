"""The NGSI-LD Query Language (clause 4.9): text to `Expression`.

Beyond the grammar, because clients send it: spaces between tokens; compact and full IRIs as
attribute names; texts without quotation marks (up to `;`, `|`, `,`, `)`), as `gender==Male` in the
clause's own example; a trailing `.value` (`.object`, ...), which is the target value itself;
`!name` for the entities without an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from broker.model.errors import BadRequestData, TooComplexQuery
from broker.model.names import is_term
from broker.model.terms import Terms
from broker.query.ast import (
    And,
    Comparison,
    Exists,
    Expression,
    Linked,
    OneOf,
    Or,
    Path,
    Pattern,
    Range,
    Term,
)
from broker.query.operands import OperandReader
from broker.query.patterns import check_pattern
from broker.query.scanner import Scanner

MAX_LENGTH = 32_768
MAX_TERMS = 200
MAX_DEPTH = 20

_EXAMPLE = 'temperature>=20;brandName!="Mercedes"'
_ORDERINGS: tuple[Literal[">", ">=", "<", "<="], ...] = (">=", "<=", ">", "<")
_IRI_SCHEMES = ("http://", "https://", "urn:")
_ENTITY_MEMBERS = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "expiresAt"})
_INSTANCE_MEMBERS = frozenset(
    {"observedAt", "createdAt", "modifiedAt", "expiresAt", "unitCode", "datasetId"}
    | {"type", "objectType", "valueType"}
)
_TARGET_MEMBERS = frozenset(
    {"value", "object", "languageMap", "vocab", "json", "valueList", "objectList"}
)
_MEMBERS_WITH_NAMES = frozenset({"type", "objectType", "valueType"})


@lru_cache(maxsize=256)
def parse_q(
    text: str,
    terms: Terms,
    expand_values: tuple[str, ...] = (),
    json_keys: tuple[str, ...] = (),
    *,
    parameter: str = "q",
) -> Expression:
    """Return what a `q` (or another `parameter` in the language) means, names expanded by `terms`.

    `expand_values` names the attributes whose operands are expanded, too, `json_keys` those of
    which nothing is, whatever `expand_values` says. (Names between brackets are those of JSON
    members and never expanded.) The result is cached, so `terms` has to be hashable.

    Raises BadRequestData (what is wrong and where), TooComplexQuery (too long, deep or wide).
    """
    expanded = _attributes(expand_values, "expandValues", terms)
    expanded -= _attributes(json_keys, "jsonKeys", terms)
    return QParser(text, terms, expanded, parameter=parameter).parse()


class QParser:
    """One reading of one text."""

    def __init__(
        self, text: str, terms: Terms, expanded: frozenset[str], *, parameter: str
    ) -> None:
        self._parameter = parameter
        self._scanner = Scanner(text, language=parameter, example=_EXAMPLE, max_length=MAX_LENGTH)
        self._terms = terms
        self._expanded = expanded
        self._depth = 0
        self._count = 0

    def parse(self) -> Expression:
        """Return the expression the whole text is."""
        expression = self._disjunction()
        if not self._scanner.at_end:
            self._scanner.fail("';' (and), '|' (or) or the end")
        return expression

    # --------------------------------------------------------------------------- combinations

    def _disjunction(self) -> Expression:
        operands = [self._conjunction()]
        while self._scanner.take("|"):
            operands.append(self._conjunction())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _conjunction(self) -> Expression:
        operands = [self._association()]
        while self._scanner.take(";"):
            operands.append(self._association())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _association(self) -> Expression:
        if not self._scanner.take("("):
            return self._term()
        self._descend()
        expression = self._disjunction()
        self._depth -= 1
        if not self._scanner.take(")"):
            self._scanner.fail("';', '|' or ')'")
        return expression

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooComplexQuery(f"{self._parameter}: nested more than {MAX_DEPTH} deep")

    # ----------------------------------------------------------------------------------- terms

    def _term(self) -> Term:
        self._count += 1
        if self._count > MAX_TERMS:
            raise TooComplexQuery(f"{self._parameter}: more than {MAX_TERMS} terms")
        if self._scanner.take("!"):
            return Exists(self._value_path(self._names()), is_negated=True)
        links: list[tuple[str, tuple[str, ...]]] = []
        path = self._path(links)
        term = self._condition(path)
        for relationship, types in reversed(links):
            term = Linked(relationship, types, term)
        return term

    def _path(self, links: list[tuple[str, tuple[str, ...]]]) -> Path:
        """Read an attribute path; relationships it goes through are appended to `links`."""
        start = self._scanner.position
        names = self._names()
        if not self._scanner.take("{"):
            return self._value_path(names)
        if len(names) > 1:
            self._scanner.fail("one relationship before '{', without a dotted path", at=start)
        if len(links) >= MAX_DEPTH:
            raise TooComplexQuery(f"{self._parameter}: more than {MAX_DEPTH} linked entities")
        links.append((self._terms.expand(names[0]), self._types()))
        path = self._path(links)
        if not self._scanner.take("}"):
            self._scanner.fail("'}'")
        return path

    def _types(self) -> tuple[str, ...]:
        """Read `Type,Type:` between `{` and the path, if it is there."""
        ahead = self._scanner.text.find("}", self._scanner.position)
        hint, colon, _ = self._scanner.text[self._scanner.position : ahead].partition(":")
        types = [name.strip() for name in hint.split(",")]
        if not colon or not all(_is_name(name) for name in types):
            return ()
        self._scanner.position += len(hint) + 1
        self._scanner.skip_spaces()
        return tuple(self._terms.expand(name) for name in types)

    def _names(self) -> list[str]:
        scanner = self._scanner
        if scanner.text.startswith(_IRI_SCHEMES, scanner.position):
            return [scanner.take_until("=!<>~;|()[]{} ")]
        names = [self._name()]
        while scanner.peek() == ".":
            scanner.position += 1
            names.append(self._name())
        return names

    def _name(self) -> str:
        scanner = self._scanner
        start = scanner.position
        while scanner.peek().isalnum() or scanner.peek() in {"_", ":", "-"}:
            scanner.position += 1
        name = scanner.text[start : scanner.position]
        if not name[:1].isalpha():
            scanner.fail(
                "an attribute name (letters, digits and '_', beginning with a letter)", at=start
            )
        return name

    def _value_path(self, names: list[str]) -> Path:
        member = None
        if names[-1] in (_ENTITY_MEMBERS if len(names) == 1 else _INSTANCE_MEMBERS):
            member = names.pop()
        elif len(names) > 1 and names[-1] in _TARGET_MEMBERS:
            names.pop()
        start = self._scanner.position
        keys = self._keys() if self._scanner.take("[") else ()
        if keys and member is not None:
            self._scanner.fail(f"no '[' after {member}, which has no members,", at=start)
        return Path(tuple(self._terms.expand(name) for name in names), member, keys)

    def _keys(self) -> tuple[str, ...]:
        start = self._scanner.position
        inside = self._scanner.take_until("[]").strip()
        keys = tuple(inside.split("."))
        if not all(keys):
            self._scanner.fail("member names separated by '.', or a language", at=start)
        if not self._scanner.take("]"):
            self._scanner.fail("']'")
        # "*" is any language, which is what a path without a language means
        return () if keys == ("*",) else keys

    # ------------------------------------------------------------------------------ conditions

    def _condition(self, path: Path) -> Term:
        scanner = self._scanner
        for is_negated, (equal, like) in enumerate((("==", "~="), ("!=", "!~="))):
            if scanner.take(like):
                return self._pattern(path, is_negated=bool(is_negated))
            if scanner.take(equal):
                return self._equality(path, is_negated=bool(is_negated))
        for operator in _ORDERINGS:
            if scanner.take(operator):
                return Comparison(path, operator, self._operands(path).read_ordered())
        if scanner.peek() == "=":
            scanner.fail("'==' (equal)")
        return Exists(path)

    def _equality(self, path: Path, *, is_negated: bool) -> Term:
        operands, is_range = self._operands(path).read_any()
        if is_range:
            low, high = operands
            return Range(path, low, high, is_negated)
        return OneOf(path, tuple(operands), is_negated)

    def _pattern(self, path: Path, *, is_negated: bool) -> Pattern:
        expression = self._operands(path).read_pattern()
        check_pattern(expression, parameter=self._parameter)
        return Pattern(path, expression, is_negated)

    def _operands(self, path: Path) -> OperandReader:
        holds_names = path.member in _MEMBERS_WITH_NAMES or (
            path.member is None
            and not path.keys
            and path.names[-1:]
            and path.names[-1] in self._expanded
        )
        return OperandReader(self._scanner, self._terms.expand if holds_names else None)


def _attributes(names: Iterable[str], parameter: str, terms: Terms) -> frozenset[str]:
    """Return expanded names of attributes. Raises BadRequestData for what is none."""
    for name in names:
        if not is_term(name, terms):
            raise BadRequestData(
                f"{parameter} lists names of attributes; {name!r} is none", attribute_names=(name,)
            )
    return frozenset(map(terms.expand, names))


def _is_name(text: str) -> bool:
    return text[:1].isalpha() and all(char.isalnum() or char == "_" for char in text)
