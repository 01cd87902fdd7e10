"""Names of columns, brought to one form so that spellings of one name meet."""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−－ｰ─━ー-", "-"))
_REMARKS: Final = re.compile(
    r"[(\[【](?:必須|任意|必須項目|半角|全角|推奨)[^)\]】]*[)\]】]|[*※◎〇○]+$|^[*※◎]+"
)
_NUMBER: Final = re.compile(r"no|no\.|№|番号|通し番号|連番|項番")
_PREFIX: Final = re.compile(r"^[^_]{1,20}_(?=.)")
_SHARED_PREFIX: Final = 3
_IRI: Final = re.compile(r"https?://\S+?[/#]([^/#\s]+)")


@functools.lru_cache(maxsize=8192)
def normal_header(name: str) -> str:
    """NFKC without white space, one kind of dash, lower case, without remarks such as （必須）.

    A name written as an IRI (`https://schema.org/name`) is its last part.
    """
    if found := _IRI.fullmatch(name.strip("\ufeff ")):
        name = found[1]
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", name)).casefold()
    plain = _REMARKS.sub("", plain).replace("標記", "表記").strip("\ufeff\u200b'\"")
    plain = "no" if _NUMBER.fullmatch(plain) else plain
    return plain.translate(_DASHES)


def is_row_number(name: str) -> bool:
    """Whether a column counts the rows: No., 番号, 連番, or one without a name of its own."""
    return normal_header(name) in ("no", "#", "index") or name == "column_1"


def without_prefix(name: str) -> str:
    """The normal form without its first part: `公営駐輪場_名称` is `名称`."""
    return _PREFIX.sub("", normal_header(name))


def without_parentheses(name: str) -> str:
    """The normal form without a remark at its end: `口径(管径mm)` is `口径`."""
    return re.sub(r"\([^()]*\)$", "", normal_header(name))


def shared_prefixes(names: Sequence[str]) -> frozenset[str]:
    """Prefixes that at least three columns have in common: of a data model or a GIS export."""
    counts = Counter(found[0] for name in names if (found := _PREFIX.match(normal_header(name))))
    return frozenset(prefix for prefix, count in counts.items() if count >= _SHARED_PREFIX)


def unique_names(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Header names made unique, and remarks about empty and repeated ones.

    An empty name becomes `column_<position>`, the second `available_from` `available_from_2`.
    """
    names: list[str] = []
    remarks: list[str] = []
    seen: Counter[str] = Counter()
    for position, cell in enumerate(cells, start=1):
        name = re.sub(r"\s+", " ", cell).strip(" \u3000\ufeff")
        if not name:
            name = f"column_{position}"
            remarks.append(
                f"column {column_letters(position)} has no name in the header; called {name}"
            )
        seen[name] += 1
        if seen[name] > 1:
            base = name
            while (name := f"{base}_{seen[base]}") in seen:
                seen[base] += 1
            seen[name] += 1
            remarks.append(
                f"column {column_letters(position)} repeats a name of the header; called {name}"
            )
        names.append(name)
    return names, remarks


def column_letters(position: int) -> str:
    """The name of a column in a spreadsheet: 1 is A, 27 is AA."""
    letters = ""
    while position > 0:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
