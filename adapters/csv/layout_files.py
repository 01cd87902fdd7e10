"""Layouts as files: shipped as TOML in `layouts/`, or a user's own mapping file of the same form.

What they may hold is described in `docs/import.md`; blocks are attributes that layouts share.
"""

import difflib
import functools
import importlib.resources
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.csv.headers import normal_header
from adapters.csv.layout import KINDS, Column, Identity, Layout, Observation

_LAYOUT_KEYS: Final = frozenset(
    (
        "type",
        "title",
        "blocks",
        "recognise",
        "identity",
        "attributes",
        "constants",
        "required",
        "observed",
        "group",
        "publisher",
        "types",
        "type_patterns",
        "position",
        "without",
    )
)
_RECOGNISE_KEYS: Final = frozenset(("any", "slug", "headers", "general", "unless"))
_COLUMN_KEYS: Final = frozenset(
    (
        "headers",
        "kind",
        "unit",
        "values",
        "blank",
        "separators",
        "pattern",
        "columns",
        "unclear",
        "also",
        "fill_down",
        "fields",
        "called",
        "length",
    )
)


class LayoutError(Exception):
    """A layout or mapping file is wrong; the text says where and what is expected."""


def parse_layout(text: str, name: str) -> Layout:
    """Read a layout or mapping file. Raises `LayoutError` with what is wrong and where."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"{name}: {error}") from error
    _refuse_unknown(document, _LAYOUT_KEYS, name)
    if not isinstance(document.get("type"), str):
        raise LayoutError(f'{name}: type = "…" is missing: the entity type of the rows')
    shared: dict[str, Any] = {}
    for block in document.get("blocks", []):
        if block not in _blocks():
            raise LayoutError(
                f"{name}: block {block!r} does not exist; there are {', '.join(_blocks())}"
            )
        shared.update(_blocks()[block])
    own = {
        attribute: _merged(shared.pop(attribute, None), spec)
        for attribute, spec in document.get("attributes", {}).items()
    }
    columns = {
        attribute: _column(attribute, spec, name)
        for attribute, spec in {**own, **shared}.items()
        if attribute not in document.get("without", ())
    }
    return _assembled(name, document, columns)


def _assembled(name: str, document: Mapping[str, Any], columns: Mapping[str, Column]) -> Layout:
    recognise = document.get("recognise", {})
    _refuse_unknown(recognise, _RECOGNISE_KEYS, f"{name}: recognise")
    identity = document.get("identity", {})
    _refuse_unknown(identity, frozenset(("stated", "key", "tiebreak")), f"{name}: identity")
    fields = Identity(**{key: tuple(value) for key, value in identity.items()})
    for attribute in (*fields.stated, *fields.key, *fields.tiebreak):
        if attribute not in columns and attribute not in (
            "identifier",
            "name",
            "fullAddress",
            "location",
        ):
            raise LayoutError(
                f"{name}: identity names {attribute!r}, which is no attribute of the layout"
            )
    groups = tuple(frozenset(group) for group in recognise.get("any", []))
    for attribute in (*document.get("required", ()), *(a for group in groups for a in group)):
        if attribute not in columns:
            raise LayoutError(
                f"{name}: required or recognise name {attribute!r}, no attribute of the layout"
            )
    _check_type_patterns(document.get("type_patterns", {}), columns, name)
    return Layout(
        name=name,
        type=document["type"],
        title=document.get("title", name),
        columns=columns,
        identity=fields,
        required=tuple(document.get("required", ())),
        recognised_by=groups,
        slugs=tuple(recognise.get("slug", [])),
        decisive=_normal(recognise.get("headers", [])),
        constants=document.get("constants", {}),
        observed=_observation(document.get("observed"), columns, name),
        group=document.get("group"),
        publisher=document.get("publisher"),
        types=document.get("types", {}),
        type_patterns=document.get("type_patterns", {}),
        is_general=bool(recognise.get("general", False)),
        unless=_normal(recognise.get("unless", [])),
        position=document.get("position", {}),
    )


def _check_type_patterns(stated: Any, columns: Mapping[str, Column], name: str) -> None:
    for attribute, patterns in stated.items():
        if attribute not in columns:
            raise LayoutError(f"{name}: type_patterns: {attribute!r} is no attribute of the layout")
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise LayoutError(f"{name}: type_patterns.{attribute}: {error}") from error


def _observation(spec: Any, columns: Mapping[str, Column], name: str) -> Observation | None:
    if spec is None:
        return None
    _refuse_unknown(spec, frozenset(("at", "attributes", "kinds")), f"{name}: observed")
    if spec.get("at") not in columns:
        raise LayoutError(
            f"{name}: observed.at must name the attribute that holds the time of observation"
        )
    kinds = spec.get("kinds", ())
    by_kind = [attribute for attribute, column in columns.items() if column.kind in kinds]
    return Observation(spec["at"], frozenset((*spec.get("attributes", ()), *by_kind)))


def _column(attribute: str, spec: Any, name: str) -> Column:
    where = f"{name}: attributes.{attribute}"
    _refuse_unknown(spec, _COLUMN_KEYS, where)
    kind = spec.get("kind", "text")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, 1)
        raise LayoutError(
            f"{where}: kind {kind!r} does not exist"
            + (f"; did you mean {near[0]!r}?" if near else "")
        )
    try:
        pattern = re.compile(spec["pattern"]) if "pattern" in spec else None
    except re.error as error:
        raise LayoutError(f"{where}: pattern: {error}") from error
    optional = {
        key: spec[key]
        for key in (
            "unit",
            "values",
            "blank",
            "separators",
            "unclear",
            "also",
            "fill_down",
            "length",
        )
        if key in spec
    }
    return Column(
        attribute,
        kind,
        headers=_normal((*spec.get("headers", ()), attribute)),
        pattern=pattern,
        columns={member: _normal(headers) for member, headers in spec.get("columns", {}).items()},
        fields={member: _normal(headers) for member, headers in spec.get("fields", {}).items()},
        called=spec.get("called") or next(iter(spec.get("headers", ())), attribute),
        **optional,
    )


def _merged(block: Any, own: Any) -> Any:
    """An attribute of a block with more headers: the own ones come first."""
    if isinstance(own, str | list):
        own = {"headers": [own] if isinstance(own, str) else own}
    if not isinstance(block, Mapping):
        return own
    headers = [*own.get("headers", ()), *block.get("headers", ())]
    return {**block, **own, "headers": headers, "called": next(iter(block.get("headers", ())), "")}


def _normal(headers: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal_header(header) for header in headers))


def _refuse_unknown(document: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key in document:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = (
                f"; did you mean {near[0]!r}?"
                if near
                else f"; known are {', '.join(sorted(known))}"
            )
            raise LayoutError(f"{where}: {key!r} is not known{hint}")


@functools.cache
def _blocks() -> dict[str, dict[str, Any]]:
    source = importlib.resources.files("adapters.csv") / "layouts" / "blocks.toml"
    return tomllib.loads(source.read_text("utf-8"))


@functools.cache
def shipped_layouts() -> tuple[Layout, ...]:
    """All layouts of this package, by file name."""
    folder = importlib.resources.files("adapters.csv") / "layouts"
    files = sorted(
        (
            entry
            for entry in folder.iterdir()
            if entry.name.endswith(".toml") and entry.name != "blocks.toml"
        ),
        key=lambda entry: entry.name,
    )
    return tuple(
        parse_layout(entry.read_text("utf-8"), entry.name.removesuffix(".toml")) for entry in files
    )


@functools.cache
def known_headers() -> frozenset[str]:
    """Every normal header name that occurs in a shipped layout."""
    return frozenset(
        header
        for layout in shipped_layouts()
        for column in layout.columns.values()
        for group in (column.headers, *column.columns.values(), *column.fields.values())
        for header in group
    )
