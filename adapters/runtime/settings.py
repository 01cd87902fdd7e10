"""Typed settings: a frozen dataclass filled from what YAML or TOML holds.

A field's type says what is accepted: `str`, `int`, `float`, `bool`, `Path`, `Seconds` (a number, or
text such as "10m"), `Secret` (text that is never printed), `Literal[...]`, lists, tuples of one
type, mappings from `str`, `X | None`, `Any`, and other dataclasses. `setting(default, help=...)`
declares a field with its explanation. A `ValueError` of `__post_init__` becomes a message with the
place in the file.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from adapters.runtime.errors import Misconfigured

T = TypeVar("T")
SECONDS = "seconds"
SECRET = "secret"  # noqa: S105 - the name of a mark, not a secret
Seconds = Annotated[float, SECONDS]
Secret = Annotated[str, SECRET]
DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def setting(default: Any = dataclasses.MISSING, *, help: str) -> Any:  # noqa: A002 - reads as what it is
    """Declare a field of a settings class; a list, dict or set as default is copied."""
    if isinstance(default, list | dict | set):
        return dataclasses.field(default_factory=default.copy, metadata={"help": help})
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata={"help": help})
    return dataclasses.field(default=default, metadata={"help": help})


def parse_settings(cls: type[T], given: Any, *, where: str, base: Path | None = None) -> T:
    """Return an instance of the settings class; `where` names the place in messages.

    Relative paths are taken as relative to `base`. Raises `Misconfigured` with every fault found,
    one a line.
    """
    faults: list[str] = []
    result = _Reader(faults, base or Path()).instance(cls, given, where)
    if faults:
        raise Misconfigured("\n".join(faults))
    return result  # type: ignore[no-any-return]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known name, or all of them if none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(names)}"


class _Reader:
    """Reads values by type and collects what is wrong with them."""

    def __init__(self, faults: list[str], base: Path) -> None:
        self._faults = faults
        self._base = base

    def _fault(self, where: str, message: str) -> None:
        self._faults.append(f"{where}: {message}")

    def instance(self, cls: type, given: Any, where: str) -> Any:
        if given is None:
            given = {}
        if not isinstance(given, Mapping):
            return self._fault(where, f"expected settings by name, found {_shown(given)}")
        before = len(self._faults)
        hints = get_type_hints(cls, include_extras=True)
        fields = {one.name: one for one in dataclasses.fields(cls) if one.init}
        for name in given:
            if name not in fields:
                self._fault(where, f"unknown setting {name!r}; {nearest(str(name), fields)}")
        values = {
            name: self.value(hints[name], given[name], f"{where}.{name}")
            for name in fields
            if name in given
        }
        for name, one in fields.items():
            if name not in given and _is_required(one):
                self._fault(where, f"{name!r} is missing: {one.metadata.get('help', 'required')}")
        if len(self._faults) > before:
            return None
        try:
            return cls(**values)
        except ValueError as error:
            return self._fault(where, str(error))

    def value(self, hint: Any, given: Any, where: str) -> Any:  # noqa: PLR0911 - one line a kind
        origin = get_origin(hint)
        if hint is Any:
            return given
        if origin is Annotated:
            return self._annotated(hint, given, where)
        if origin in (Union, types.UnionType):
            return self._union(get_args(hint), given, where)
        if origin is Literal:
            return self._choice(get_args(hint), given, where)
        if origin in (list, tuple):
            return self._sequence(origin, get_args(hint)[0], given, where)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(get_args(hint)[1], given, where)
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self.instance(hint, given, where)
        return self._scalar(hint, given, where)

    def _annotated(self, hint: Any, given: Any, where: str) -> Any:
        base, *marks = get_args(hint)
        if SECRET in marks and not isinstance(given, base):
            return self._fault(where, f"expected {_named(base)}; what was found is not shown")
        if SECONDS not in marks:
            return self.value(base, given, where)
        if isinstance(given, str) and (found := DURATION.fullmatch(given)):
            return float(found[1]) * UNIT_SECONDS[found[2]]
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            return float(given)
        return self._fault(where, f"expected a duration such as 30 or '10m', found {_shown(given)}")

    def _union(self, hints: tuple[Any, ...], given: Any, where: str) -> Any:
        if given is None and type(None) in hints:
            return None
        attempts: list[str] = []
        for hint in hints:
            if hint is type(None):
                continue
            faults: list[str] = []
            found = _Reader(faults, self._base).value(hint, given, where)
            if not faults:
                return found
            attempts += faults
        self._faults.extend(attempts)
        return None

    def _choice(self, choices: tuple[Any, ...], given: Any, where: str) -> Any:
        if given in choices:
            return given
        hint = nearest(str(given), (str(one) for one in choices))
        return self._fault(where, f"{_shown(given)} is not one of the choices; {hint}")

    def _sequence(self, origin: type, hint: Any, given: Any, where: str) -> Any:
        if not isinstance(given, list | tuple):
            return self._fault(where, f"expected a list, found {_shown(given)}")
        found = [self.value(hint, one, f"{where}[{at}]") for at, one in enumerate(given)]
        return origin(found)

    def _mapping(self, hint: Any, given: Any, where: str) -> Any:
        if not isinstance(given, Mapping):
            return self._fault(where, f"expected names with values, found {_shown(given)}")
        return {str(name): self.value(hint, one, f"{where}.{name}") for name, one in given.items()}

    def _scalar(self, hint: Any, given: Any, where: str) -> Any:
        if hint is Path and isinstance(given, str) and given:
            return self._base / Path(given).expanduser()
        if hint is float and isinstance(given, int) and not isinstance(given, bool):
            return float(given)
        if isinstance(given, hint) and not (isinstance(given, bool) and hint is not bool):
            return given
        return self._fault(where, f"expected {_named(hint)}, found {_shown(given)}")


def _is_required(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _named(hint: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(hint, "a path" if hint is Path else getattr(hint, "__name__", str(hint)))


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
