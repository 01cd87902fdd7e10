"""Marks for yes and no. What is conditional or not stated never becomes no."""

import re
from collections.abc import Mapping
from typing import Final

from adapters.csv.values.reading import NOTHING, Reading, unreadable
from adapters.csv.values.text import folded

CONDITIONAL: Final = "conditional"

STANDARD_MARKS: Final[Mapping[str, bool | str | None]] = {
    **dict.fromkeys("○〇◯●◎✓✔☑レ", True),
    **dict.fromkeys(
        ("1", "1.0", "有", "有り", "あり", "可", "可能", "はい", "true", "yes", "y", "対応"), True
    ),
    **dict.fromkeys((*"×✕✗✖☓╳", "非対応"), False),
    **dict.fromkeys(("0", "0.0", "x", "無", "無し", "なし", "不可", "否", "いいえ"), False),
    **dict.fromkeys(("false", "no", "n"), False),
    **dict.fromkeys(
        ("△", "▲", "一部", "一部可", "一部あり", "要相談", "条件付き", "条件付"), CONDITIONAL
    ),
    **dict.fromkeys(("", "-", "ー", "―", "--", "未確認", "不明", "未定", "?", "未調査"), None),
}
"""Meaning of a mark after folding: yes, no, `"conditional"`, or nothing stated (None)."""

_WITH_WORDS: Final = re.compile(r"([^(]{1,4})\((.+)\)")
_IN_PART: Final = re.compile(r"一部|条件|部分的|要相談")


def read_flag(text: str, marks: Mapping[str, bool | str | None] = STANDARD_MARKS) -> Reading:
    """True, False or `"conditional"` by the table of marks; an unknown mark is a problem."""
    mark = folded(text).casefold()
    if mark in marks:
        return _known(marks[mark])
    found = _WITH_WORDS.fullmatch(mark)
    if found and marks.get(found[1].strip()) is not None:
        value = marks[found[1].strip()]
        if value is True and _IN_PART.search(found[2]):
            value = CONDITIONAL
        return Reading(
            value, repair=f"mark read, the words ({found[2]}) kept as a note", altered=True
        )
    return unreadable(
        f"the mark {folded(text)[:30]!r} is not in the value table",
        "use 有 or 無, or leave the cell empty",
    )


def _known(value: bool | str | None) -> Reading:  # noqa: FBT001 - a value of the table, not a switch
    if value is None:
        return NOTHING
    return Reading(value, altered=value == CONDITIONAL)
