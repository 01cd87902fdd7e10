"""Stable ids. A row is named by the id it states, or else by what makes it what it is.

Ids are `urn:ngsi-ld:<Type>:<municipality code>-<stated id>`, or `…-x<digest>` when derived from
the key attributes of the layout. A row number never names anything.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from adapters.csv.headers import is_row_number
from adapters.csv.layout import Identity
from adapters.csv.values.text import comparable, folded

_DIGEST_LENGTH: Final = 20
_MANGLED: Final = re.compile(r"\d{4}/\d{1,2}/\d{1,2}|\d{1,2}月\d{1,2}日|\d(\.\d+)?E\+\d+")


class Naming(NamedTuple):
    """The local part of an entity id and how it came about; empty when the row cannot be named."""

    local_id: str
    derived: bool
    remark: str = ""


class RowKeys(NamedTuple):
    """What could identify one row: the id it states, its key, and what tells equal keys apart."""

    stated: str
    key: tuple[str, ...]
    tiebreak: tuple[str, ...]


def stated_id(attributes: Mapping[str, Any], identity: Identity) -> str:
    """The id a mapped row states, in its one spelling; empty when it states none."""
    stated = next((text for name in identity.stated if (text := _text(attributes.get(name)))), "")
    return stable_identifier(stated)


def row_keys(attributes: Mapping[str, Any], identity: Identity) -> RowKeys:
    """Read the identifying texts of a mapped row."""
    return RowKeys(
        stated_id(attributes, identity),
        tuple(comparable(_text(attributes.get(name))) for name in identity.key),
        tuple(comparable(_text(attributes.get(name))) for name in identity.tiebreak),
    )


def further_texts(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of the columns no attribute knows, by column; numbers of rows name nothing."""
    other = attributes.get("otherColumns", {}).get("json", {})
    return tuple(
        f"{header}={comparable(text)}"
        for header, text in sorted(other.items())
        if not is_row_number(header)
    )


def stable_identifier(stated: str) -> str:
    """A stated id in one spelling: half-width, numbers without leading zeros, URN-safe."""
    if stated.isascii() and stated.isdigit():  # most are: the rest changes nothing about them
        return stated.lstrip("0") or "0"
    plain = re.sub(r"\s+", "", folded(stated)).removesuffix(".0")
    if plain.isdigit():
        plain = plain.lstrip("0") or "0"
    return quote(plain, safe="-._~")


def is_mangled_id(stable: str) -> bool:
    """Whether a stated id is what spreadsheets make of others: 1-2 a date, 1000E3 a number."""
    return _MANGLED.fullmatch(unquote(stable)) is not None


def entity_id(entity_type: str, municipality: str, naming: Naming) -> str:
    """The URN of an entity."""
    prefix = f"{municipality}-" if municipality else ""
    return f"urn:ngsi-ld:{entity_type}:{prefix}{naming.local_id}"


def file_scope(file_name: str) -> str:
    """What tells files of unknown municipalities apart: the name without figures and suffix.

    `days_2025-04 (1).csv` and `days_2025-05.csv` have the same scope.
    """
    return re.sub(r"[\W\d_]+", "", folded(PurePath(file_name).stem)).casefold()


def name_row(keys: RowKeys, *, repeated: bool, scope: str = "") -> Naming:
    """Name one row, so that rows differ when they are different things.

    A stated id names its row unless the file repeats it for different things (`repeated`), or the
    municipality is unknown (an id such as 12, or an area called 中央, says nothing outside its
    town): then a name is derived within the `scope` that stands for the municipality. Equal rows
    get equal names; which of them counts is for the caller to decide.
    """
    if keys.stated and not scope and not repeated:
        return Naming(keys.stated, derived=False)
    within = (scope,) if scope else ()
    if keys.stated:
        remark = (
            "the id occurs for different things" if repeated else "the municipality is not known"
        )
        parts = (*within, keys.stated, *keys.key, *(keys.tiebreak if repeated else ()))
        return Naming(_digest(parts), derived=True, remark=remark)
    if not any(keys.key):
        return Naming("", derived=True, remark="the row states neither an id nor what it is about")
    parts = (*keys.key, *keys.tiebreak) if repeated else keys.key
    return Naming(_digest((*within, *parts)), derived=True)


def _digest(parts: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return "x" + base64.b32encode(digest).decode().lower()[:_DIGEST_LENGTH]


def _text(attribute: Any) -> str:
    if attribute is None:
        return ""
    value = attribute.get("value") if isinstance(attribute, dict) else attribute
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = value.get("@value", value.get("coordinates", ""))
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return "" if value is None else str(value)
