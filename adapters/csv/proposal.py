"""Proposes a mapping file for a layout nobody has described yet, from its columns and values."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import PurePath
from typing import IO, Final

from adapters.csv.decoding import decode
from adapters.csv.headers import column_letters, normal_header
from adapters.csv.layout import Column
from adapters.csv.layout_files import known_headers, shipped_layouts
from adapters.csv.recognition import Assignment, assign
from adapters.csv.table import Table, read_table
from adapters.csv.values import contacts, dates, flags, numbers, text, times
from adapters.csv.values.reading import Reading

_SAMPLE: Final = 300
_ENOUGH: Final = 0.9
_MOST_KEYS: Final = 6
_LEADING_ZERO: Final = re.compile(r"0\d")
_PHONE: Final = re.compile(r"\(?\+?\d[\d() -]{6,}\d(\D.*)?")

_READERS: Final[tuple[tuple[str, Callable[[str], Reading]], ...]] = (
    ("url", text.read_url),
    ("date", dates.read_date),
    ("datetime", dates.read_datetime),
    ("time", times.read_time),
    ("flag", flags.read_flag),
    ("integer", numbers.read_integer),
    ("number", numbers.read_number),
    ("phone", contacts.read_phone),
)


def propose_mapping(source: IO[bytes], name: str) -> str:
    """A mapping file (TOML) to be checked by a person; lines to look at end in `# ?`.

    Raises `UnreadableFile` when the file holds no table.
    """
    table = read_table(decode(source), known_headers().__contains__)
    nearest = max(
        (assign(layout, table.header) for layout in shipped_layouts()),
        key=lambda one: (len(table.header) - len(one.other), -len(one.layout.columns)),
    )
    lines = [
        f"# Proposed for {name} from its header (row {table.header_row}) and its values.",
        "# Check it, above all the type, the names of attributes and what identifies a row. Then:",
        f"#   mutsura import --mapping THIS_FILE {name}",
        f"type = {_quoted(_type_name(name))}  # ? one entity type in CamelCase",
        f"title = {_quoted(PurePath(name).stem)}",
    ]
    attributes, entries = _attributes(table, nearest)
    lines += ["", "[identity]", *_identity(table, attributes), "", "[attributes]", *entries]
    return "\n".join(lines) + "\n"


def _attributes(table: Table, nearest: Assignment) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """Attributes with place and kind of their column, and the lines that describe them."""
    rows = _sample(table)
    known: dict[int, Column] = {}
    for attribute, places in nearest.positions.items():
        known.update(dict.fromkeys(places, nearest.layout.columns[attribute]))
    names: dict[str, tuple[int, str]] = {}
    entries: list[str] = []
    for place, header in enumerate(table.header):
        if header == "#property":
            continue
        cells = [cell for row in rows if (cell := text.trimmed(row[place]))]
        column = known.get(place) or _by_any_layout(header)
        is_new = column is None or column.attribute in names
        attribute = (
            f"column{column_letters(place + 1)}" if column is None or is_new else column.attribute
        )
        kind = _guessed_kind(cells) if column is None or is_new else _kind_of(column, cells)
        names[attribute] = (place, kind)
        entries.append(_entry(attribute, header, kind, cells, to_check=is_new))
    return names, entries


def _sample(table: Table) -> list[list[str]]:
    return [row.cells for row in islice(table.rows, _SAMPLE)]


def _entry(attribute: str, header: str, kind: str, cells: Sequence[str], *, to_check: bool) -> str:
    spec = f"headers = [{_quoted(header)}]" + (f', kind = "{kind}"' if kind != "text" else "")
    example = f"e.g. {_short(cells[0])}" if cells else "always empty"
    mark = "? give it an English name; " if to_check else ""
    return f"{attribute} = {{ {spec} }}  # {mark}{example}"


def _by_any_layout(header: str) -> Column | None:
    normal = normal_header(header)
    for layout in shipped_layouts():
        for column in layout.columns.values():
            if normal in column.headers and not column.columns and column.pattern is None:
                return column
    return None


def _identity(table: Table, attributes: Mapping[str, tuple[int, str]]) -> list[str]:
    """The stated id if it is unique, and the fewest columns that tell all rows apart."""
    rows = [list(map(text.comparable, cells)) for cells in _sample(table)]
    places: dict[str, list[int]] = {}
    for name, (place, kind) in attributes.items():
        is_position = kind in ("latitude", "longitude", "position")
        places.setdefault("location" if is_position else name, []).append(place)
    stated = (
        ["identifier"] if "identifier" in places and _unique(rows, places["identifier"]) else []
    )
    kinds = {name: kind for name, (_, kind) in attributes.items()}
    order = sorted(places, key=lambda name: _likelihood(name, kinds.get(name, "position")))
    key: list[str] = []
    used: list[int] = []
    for name in order[:_MOST_KEYS]:
        key.append(name)
        used += places[name]
        if _unique(rows, used):
            break
    return [
        f"stated = [{', '.join(map(_quoted, stated))}]  # ? a column with ids that never change",
        f"key = [{', '.join(map(_quoted, key))}]  # ? otherwise: what together names one thing",
    ]


def _unique(rows: list[list[str]], places: list[int]) -> bool:
    keys = [tuple(row[place] for place in places) for row in rows]
    return all(any(key) for key in keys) and len(set(keys)) == len(keys)


def _likelihood(name: str, kind: str) -> int:
    """How early an attribute comes in a key: names, days, addresses, words, figures."""
    if name in ("name", "areaName"):
        return 0
    if kind in ("date", "datetime", "time"):
        return 1
    if name == "fullAddress":
        return 2
    if name == "location":
        return 3
    return 4 if kind == "text" else 5


def _kind_of(column: Column, cells: Sequence[str]) -> str:
    """The kind of a known column, if its cells can be read that way."""
    read = dict(_READERS).get(column.kind)
    if read is None or not cells:
        return column.kind
    readable = sum(read(cell).value is not None for cell in cells)
    return column.kind if readable >= _ENOUGH * len(cells) else _guessed_kind(cells)


def _guessed_kind(cells: Sequence[str]) -> str:
    for kind, read in _READERS:
        readable = sum(read(cell).value is not None for cell in cells)
        if cells and readable >= _ENOUGH * len(cells) and not _means_more(kind, cells):
            return kind
    return "text"


def _means_more(kind: str, cells: Sequence[str]) -> bool:
    """Whether cells that can be read as a kind would lose what they say, or say something else."""
    if kind == "flag":
        return all(cell in ("0", "1") for cell in cells)
    if kind in ("integer", "number"):
        return any(_LEADING_ZERO.match(text.folded(cell)) for cell in cells)
    if kind == "phone":
        alike = sum(_PHONE.fullmatch(text.folded(cell)) is not None for cell in cells)
        return alike < _ENOUGH * len(cells)
    return False


def _type_name(name: str) -> str:
    words = re.findall(r"[A-Za-z]+", PurePath(name).stem)
    return "".join(word.capitalize() for word in words) or "MunicipalRecord"


def _quoted(plain: str) -> str:
    return json.dumps(plain, ensure_ascii=False)


def _short(value: str) -> str:
    plain = " ".join(value.split())
    return plain if len(plain) <= 40 else plain[:39] + "…"
