"""Headers over two rows: what the merged cells of a spreadsheet become in a CSV file.

    団体,施設,,座標,            the upper row names groups of columns, once each
    コード,名称,住所,緯度,経度   the lower row names the columns

A column is called by both its names (`災害種別_洪水`), or by the lower one where the upper one says
nothing about it (`座標` over `緯度`). A column merged downwards has its name in the upper row only.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from adapters.csv.headers import normal_header
from adapters.csv.values.text import trimmed

IsKnown = Callable[[str], bool]
_FIGURE: Final = re.compile(r"\d{3,}|\d\.\d|^\d+$")
_MARKS: Final = frozenset("○〇◯●◎×✕△有無-－―")
_LONGEST_NAME: Final = 40
_POSITIONS: Final = frozenset(("緯度", "経度", "北緯", "東経", "標高", "lat", "lon", "lng"))
_SAY_NOTHING: Final = frozenset(
    ("団体", "自治体", "施設", "施設情報", "施設概要", "基本情報", "概要", "場所", "座標", "位置",
     "位置情報", "緯度経度", "世界測地系", "利用時間", "開館時間")
)  # fmt: skip


def join_header_rows(records: list[list[str]], at: int, is_known: IsKnown) -> tuple[int, list[str]]:
    """Join the header found at `at` with the row below or above, in place, if they are one.

    Returns the row that now holds all names, and remarks. Where the shape is not certain nothing
    is changed; if names may go on below, that is told.
    """
    if at + 1 < len(records) and _may_go_on(records[at], records[at + 1], is_known):
        upper, lower = records[at], records[at + 1]
        if _is_certain(upper, lower, records[at + 2 : at + 3]):
            records[at + 1] = _joined(upper, lower, is_known)
            return at + 1, [_told(at + 1, at + 2)]
        remark = f"the header seems to go on in row {at + 2}, under merged cells: "
        return at, [remark + "write every name of a column into one row"]
    if at and _merged_above(records[at - 1], records[at]):
        records[at] = _joined(records[at - 1], records[at], is_known)
        return at, [_told(at, at + 1)]
    return at, []


def _told(upper: int, lower: int) -> str:
    return f"the header stands in rows {upper} and {lower}, under merged cells; they were joined"


def _may_go_on(upper: Sequence[str], lower: Sequence[str], is_known: IsKnown) -> bool:
    """The lower row has words where the upper one has blanks, and no figures.

    One such word is enough where all words of the row are known names, as 緯度 and 経度 under 位置.
    """
    words = [
        cell
        for cell, name in zip(lower, upper, strict=False)
        if trimmed(cell) and not trimmed(name)
    ]
    names = [cell for cell in lower if trimmed(cell)]
    enough = 1 if len(names) >= 2 and all(is_known(normal_header(one)) for one in names) else 2
    return len(words) >= enough and not any(map(_is_value, lower))


def _is_certain(
    upper: Sequence[str], lower: Sequence[str], following: Sequence[Sequence[str]]
) -> bool:
    """Columns of one cell have no second name, all others have one, and data follow.

    A row of data under a header with nameless columns has cells under the named ones.
    """
    pairs = _pairs(upper, lower)
    used = max(place for place, cell in enumerate(lower) if trimmed(cell)) + 1
    return (
        bool(following)
        and _is_merged_down(upper, lower)
        and all(any(pair) and len(pair[1]) <= _LONGEST_NAME for pair in pairs[:used])
        and len(set(pairs)) == len(pairs)
    )


def _is_merged_down(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether there are columns of one cell in the upper row, and none has a second name below."""
    alone = [place for place in range(len(upper)) if _stands_alone(upper, place)]
    return bool(alone) and not any(trimmed(lower[p]) for p in alone if p < len(lower))


def _stands_alone(upper: Sequence[str], place: int) -> bool:
    following = upper[place + 1] if place + 1 < len(upper) else "end"
    return bool(trimmed(upper[place])) and bool(trimmed(following))


def _merged_above(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """The row above has names, several, where the header has blanks; a title is only one."""
    blank = [place for place, cell in enumerate(lower) if not trimmed(cell)]
    filled = [place for place in blank if place < len(upper) and trimmed(upper[place])]
    words = [cell for cell in upper if trimmed(cell)]
    return (
        bool(filled)
        and len(filled) == len(blank)
        and len(words) >= 2
        and _is_merged_down(upper, lower)
        and not any(map(_is_value, words))
    )


def _joined(upper: Sequence[str], lower: Sequence[str], is_known: IsKnown) -> list[str]:
    pairs = _pairs(upper, lower)
    times = Counter(name for _, name in pairs)
    return [
        name if times[name] == 1 and _says_nothing(group, name) else _whole(group, name, is_known)
        for group, name in pairs
    ]


def _says_nothing(group: str, name: str) -> bool:
    return normal_header(group) in _SAY_NOTHING or normal_header(name) in _POSITIONS


def _whole(group: str, name: str, is_known: IsKnown) -> str:
    if not group or not name:
        return name or group
    for whole in (f"{group}_{name}", f"{group}{name}"):
        if is_known(normal_header(whole)):
            return whole
    return f"{group}_{name}"


def _pairs(upper: Sequence[str], lower: Sequence[str]) -> list[tuple[str, str]]:
    """Group and name of each column; a group reaches over the blanks to its right."""
    width = max(len(upper), len(lower))
    pairs: list[tuple[str, str]] = []
    group = ""
    for place in range(width):
        above = trimmed(upper[place]) if place < len(upper) else ""
        below = trimmed(lower[place]) if place < len(lower) else ""
        group = above or (group if below else "")
        pairs.append((group, below))
        group = group if below else ""
    return pairs


def _is_value(cell: str) -> bool:
    plain = trimmed(cell)
    return bool(_FIGURE.search(plain)) or plain in _MARKS
