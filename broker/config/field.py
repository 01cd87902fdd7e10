"""How one setting is declared and read: its type, help, unit, bounds and name."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "MUTSURA_"

_PASSWORD = re.compile(r"^((?:[^:/?#]*://)?+[^:/?#@]*):.*@")
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True, slots=True)
class Documentation:
    """What a declaration says about a setting beside its type and default."""

    help: str
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    secret: bool = False


def setting(default: Any, help: str, **more: Any) -> Any:  # noqa: A002 - as argparse names it
    """Declare a setting as a dataclass field; `more` are the members of `Documentation`."""
    return dataclasses.field(default=default, metadata={"doc": Documentation(help, **more)})


@dataclass(frozen=True, slots=True)
class Declared:
    """A setting as it can be given: its group (empty for the top level), name, type and text."""

    group: str
    name: str
    kind: Any
    default: Any
    doc: Documentation

    @property
    def key(self) -> str:
        """Its name in a settings file."""
        return f"{self.group}.{self.name}" if self.group else self.name

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()

    @property
    def is_optional(self) -> bool:
        """Whether it may be absent."""
        return type(None) in typing.get_args(self.kind)

    @property
    def type(self) -> type:
        """The type of its value when it has one: str, int, float, bool, Path or tuple."""
        kind: type = self.kind
        if isinstance(self.kind, types.UnionType):
            kind = next(one for one in typing.get_args(self.kind) if one is not type(None))
        return typing.get_origin(kind) or kind

    @property
    def type_name(self) -> str:
        """The type in a reader's words."""
        if self.doc.choices:
            return " or ".join(self.doc.choices)
        return _TYPE_NAMES[self.type] + (f", {self.doc.unit}" if self.doc.unit else "")

    def read(self, given: Any) -> Any:
        """Return the value that was given as text (environment) or typed (file).

        Raises:
            ValueError: it is of another type or outside its bounds; the message says which
                would be right.
        """
        if given is None or (given == "" and self.is_optional):
            if self.is_optional:
                return None
            raise ValueError(f"{self.key} needs a value: {self.type_name}")
        try:
            value = _READERS[self.type](given)
        except (TypeError, ValueError):
            raise ValueError(f"{self.key} must be {self.type_name}, found {given!r}") from None
        self._check(value)
        return value

    def _check(self, value: Any) -> None:
        if self.doc.choices and value not in self.doc.choices:
            raise ValueError(f"{self.key} must be {self.type_name}, found {value!r}")
        if isinstance(value, int | float) and not self.doc.minimum <= value <= self.doc.maximum:
            raise ValueError(f"{self.key} must be {self._bounds()}, found {value}")

    def _bounds(self) -> str:
        low, high = self.doc.minimum, self.doc.maximum
        if high == math.inf:
            return f"at least {low:g}"
        return f"from {low:g} to {high:g}"


def declared_in(settings: type) -> Iterator[Declared]:
    """Yield every setting of a dataclass of groups, in the order of declaration."""
    hints = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _members(field.name, hints[field.name])
        else:
            yield _declared("", field, hints[field.name])


def _members(group: str, members: Any) -> Iterator[Declared]:
    hints = typing.get_type_hints(members)
    for field in dataclasses.fields(members):
        yield _declared(group, field, hints[field.name])


def _declared(group: str, field: dataclasses.Field[Any], kind: Any) -> Declared:
    return Declared(group, field.name, kind, field.default, field.metadata["doc"])


def as_text(value: Any) -> str:
    """Return a value in the form the environment has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)


def masked(url: str) -> str:
    """Return a URL, with one host or several separated by commas, without its password.

    Of a password that should have been percent-encoded (`/`, `@`), nothing is shown either.
    """
    return _PASSWORD.sub(r"\1:***@", url)


def _read_bool(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    text = _read_str(given).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(given)


def _read_int(given: Any) -> int:
    if isinstance(given, bool | float):
        raise TypeError(given)
    return int(given)


def _read_float(given: Any) -> float:
    if isinstance(given, bool):
        raise TypeError(given)
    number = float(given)
    if not math.isfinite(number):
        raise ValueError(given)
    return number


def _read_str(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    return given


def _read_path(given: Any) -> Path:
    return Path(_read_str(given)).expanduser()


def _read_list(given: Any) -> tuple[str, ...]:
    items = given.split(",") if isinstance(given, str) else [_read_str(one) for one in given]
    return tuple(item.strip() for item in items if item.strip())


_READERS: dict[type, Any] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    Path: _read_path,
    tuple: _read_list,
}
_TYPE_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    tuple: "a list (commas in the environment)",
}
