"""Rules of weekdays: opening days, and collection days of waste in words and in the 5374 form."""

import datetime as dt
import re
from typing import Any, Final

from adapters.csv.values.text import folded

_DAYS: Final = "月火水木金土日"
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAME: Final = dict(zip(_DAYS, _NAMES, strict=True)) | {"祝": "PublicHolidays"}
_WORDS: Final = {"平日": "月火水木金", "毎日": _DAYS, "年中無休": _DAYS, "全日": _DAYS}
_SEPARATORS: Final = re.compile(r"[\s,、・/;。･]+|曜日?|および|及び|と")
_SPAN: Final = re.compile(rf"([{_DAYS}])(?:曜日?)?\s*(?:~|-|から)\s*([{_DAYS}])(?:曜日?)?")
_MONTHLY: Final = re.compile(
    rf"第?\s*([1-5](?:\s*[・,、.]\s*第?[1-5])*)\s*([{_DAYS}](?:[・,、][{_DAYS}])*)曜日?"
)
_TOKEN: Final = re.compile(rf"([{_DAYS}])([1-5])?(?::(\d{{1,2}}))?")
_MONTHS: Final = frozenset(map(str, range(1, 13)))


def read_weekdays(text: str) -> list[str] | None:
    """Names of schema.org for `月火水`, `月～金`, `平日`, `土日祝`; None for any other text."""
    plain = folded(text)
    for word, days in _WORDS.items():
        plain = plain.replace(word, days)
    plain = _SPAN.sub(_spelled_out, plain)
    plain = plain.replace("祝日", "祝")
    letters = _SEPARATORS.sub("", plain.replace("曜日", " "))
    if not letters or any(letter not in _NAME for letter in letters):
        return None
    return [name for letter, name in _NAME.items() if letter in letters]


def read_recurrence(text: str) -> list[dict[str, Any]] | None:
    """Collection rules: `[{"dayOfWeek": …, "weekOfMonth": […]}]` or `[{"dates": […]}]`.

    Understands `月 木`, `水2 水4`, `毎週火・金曜日`, `第２・４月曜日`, lists `20250331 20250403`,
    and `水1:6 7 11`, the first Wednesday of these months (`"month": [6, 7, 11]`).
    None when a part of the text is anything else.
    """
    plain = folded(text)
    if not plain:
        return None
    if re.fullmatch(r"(\d{8})(\s+\d{8})*", plain):
        return _dates(plain.split())
    if re.match(r"第|[1-5]\s*[・,、]", plain):
        return _monthly(plain)
    if weekdays := read_weekdays(re.sub(r"^毎週|(?<=[\s・、,])毎週", "", plain)):
        return [{"dayOfWeek": day} for day in weekdays]
    return _tokens(plain)


def _spelled_out(found: re.Match[str]) -> str:
    first, last = _DAYS.index(found[1]), _DAYS.index(found[2])
    return _DAYS[first : last + 1] if first <= last else _DAYS[first:] + _DAYS[: last + 1]


def _dates(figures: list[str]) -> list[dict[str, Any]] | None:
    try:
        days = [dt.date.fromisoformat(figure).isoformat() for figure in figures]
    except ValueError:
        return None
    return [{"dates": days}]


def _monthly(plain: str) -> list[dict[str, Any]] | None:
    if _SEPARATORS.sub("", _MONTHLY.sub("", plain)):
        return None
    rules = [
        {
            "dayOfWeek": _NAME[day],
            "weekOfMonth": sorted(set(map(int, re.findall("[1-5]", found[1])))),
        }
        for found in _MONTHLY.finditer(plain)
        for day in found[2]
        if day in _NAME
    ]
    return rules or None


def _tokens(plain: str) -> list[dict[str, Any]] | None:
    rules: list[tuple[str, str, list[str]]] = []
    for token in re.split(r"[\s,、]+", plain):
        if found := _TOKEN.fullmatch(token):
            rules.append((found[1], found[2] or "", [found[3]] if found[3] else []))
        elif rules and rules[-1][2]:
            rules[-1][2].append(token)
        else:
            return None
    if not all(_MONTHS.issuperset(months) for _, _, months in rules):
        return None
    weeks: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for day, week, months in rules:
        of_day = weeks.setdefault((day, tuple(sorted(set(map(int, months))))), [])
        of_day += [int(week)] if week else []
    return [
        {"dayOfWeek": _NAME[day]}
        | ({"weekOfMonth": sorted(set(of_month))} if of_month else {})
        | ({"month": list(months)} if months else {})
        for (day, months), of_month in weeks.items()
    ]
