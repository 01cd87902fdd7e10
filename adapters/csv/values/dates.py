"""Dates as Japanese offices write them: ISO, slashes, plain digits, eras in all abbreviations.

Words (未定, 当面の間) and incomplete dates (令和4年, 平成31年度) are not dates: the cell is
reported and its text kept as a note. Dates past the end of an era (平成31年5月) are accepted
with a remark.
"""

import datetime as dt
import enum
import re
from collections.abc import Iterable
from typing import Final

from adapters.csv.values.reading import NOT_STATED_MARKS, NOTHING, Reading, unreadable
from adapters.csv.values.text import folded

JST: Final = dt.timezone(dt.timedelta(hours=9), "JST")

_ERAS: Final = {
    "M": ("明治", dt.date(1868, 1, 25), dt.date(1912, 7, 30)),
    "T": ("大正", dt.date(1912, 7, 30), dt.date(1926, 12, 25)),
    "S": ("昭和", dt.date(1926, 12, 25), dt.date(1989, 1, 7)),
    "H": ("平成", dt.date(1989, 1, 8), dt.date(2019, 4, 30)),
    "R": ("令和", dt.date(2019, 5, 1), dt.date.max),
}
_ERA_LETTER: Final = {
    **{name: letter for letter, (name, _, _) in _ERAS.items()},
    **{name[0]: letter for letter, (name, _, _) in _ERAS.items()},
    **{letter: letter for letter in _ERAS},
}
_KANJI_DIGITS: Final = {c: i for i, c in enumerate("〇一二三四五六七八九")}
_KANJI_NUMBER: Final = re.compile("[〇一二三四五六七八九十]+(?=[年月日])")

_TAIL: Final = r"(?:日)?\s*(?:\(.\)|[月火水木金土日]曜日?)?"
_YEAR_FIRST: Final = re.compile(
    rf"(\d{{4}})\s*(?:[-/.年])\s*(\d{{1,2}})\s*(?:[-/.月])\s*(\d{{1,2}})\s*{_TAIL}"
)
_PLAIN: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MIDNIGHT: Final = re.compile(r"(.+?)[ T]0{1,2}:00(?::00(?:\.0+)?)?")
_SPREADSHEET_DAY: Final = re.compile(r"[2-6]\d{4}")
_SPREADSHEET_ZERO: Final = dt.date(1899, 12, 30)
_YEAR_LAST: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ERA: Final = re.compile(
    rf"(明治|大正|昭和|平成|令和|[明大昭平令MTSHR])\s*[.]?\s*(\d{{1,2}}|元)\s*[-/.年]\s*"
    rf"(\d{{1,2}})\s*[-/.月]\s*(\d{{1,2}})\s*{_TAIL}",
    re.IGNORECASE,
)
_INCOMPLETE: Final = re.compile(
    r"((明治|大正|昭和|平成|令和|[明大昭平令MTSHR])\s*[.]?\s*(\d{1,2}|元)|\d{4})\s*"
    r"(年度?|[-/.])?\s*(\d{1,2}\s*月?)?",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(
    r"(?P<half>午前|午後|AM|PM)?\s*(?P<hour>\d{1,2})(?::|時)\s*(?P<minute>\d{1,2})?(?::(?P<second>\d{2}))?分?",
    re.IGNORECASE,
)

_REMEDY: Final = "write the date as YYYY-MM-DD"


class DateOrder(enum.Enum):
    """Order of the figures in dates written with the year at the end."""

    MONTH_FIRST = "month/day/year"
    DAY_FIRST = "day/month/year"
    UNDECIDED = "undecided"
    CONTRADICTORY = "contradictory"


def column_order(cells: Iterable[str]) -> DateOrder:
    """Decide m/d/y or d/m/y from all cells of a column: a figure above 12 is a day."""
    month_first = day_first = False
    for cell in cells:
        if found := _YEAR_LAST.match(folded(cell)):
            month_first = month_first or int(found[2]) > 12
            day_first = day_first or int(found[1]) > 12
    if month_first and day_first:
        return DateOrder.CONTRADICTORY
    if month_first:
        return DateOrder.MONTH_FIRST
    return DateOrder.DAY_FIRST if day_first else DateOrder.UNDECIDED


def read_date(text: str, order: DateOrder = DateOrder.UNDECIDED) -> Reading:
    """A day, as `YYYY-MM-DD`."""
    plain = _without_kanji_numbers(folded(text))
    if not plain or plain in NOT_STATED_MARKS:
        return NOTHING
    if midnight := _MIDNIGHT.fullmatch(plain):
        plain = midnight[1]
    if found := _YEAR_FIRST.fullmatch(plain) or _PLAIN.fullmatch(plain):
        return _day(int(found[1]), int(found[2]), int(found[3]), plain)
    if found := _ERA.fullmatch(plain):
        return _era_day(found, plain)
    if found := _YEAR_LAST.fullmatch(plain):
        return _year_last(found, order, plain)
    return _spreadsheet_day(plain) if _SPREADSHEET_DAY.fullmatch(plain) else _not_a_date(plain)


def _spreadsheet_day(plain: str) -> Reading:
    day = (_SPREADSHEET_ZERO + dt.timedelta(days=int(plain))).isoformat()
    return Reading(day, repair=f"day number of a spreadsheet: {plain} is {day}", altered=True)


def read_datetime(text: str, order: DateOrder = DateOrder.UNDECIDED) -> Reading:
    """A moment of Japanese local time, as `YYYY-MM-DDTHH:MM:SSZ` (UTC)."""
    plain = _without_kanji_numbers(folded(text))
    if not plain or plain in NOT_STATED_MARKS:
        return NOTHING
    if re.search(r"(Z|[+-]\d{2}:?\d{2})$", plain) and "T" in plain:
        return _iso_moment(plain)
    day_text, hours, minutes, seconds = _split_clock(plain)
    day = read_date(day_text, order)
    if day.value is None:
        return day
    if hours > 30 or minutes > 59 or seconds > 59:
        return unreadable(f"{plain!r} is not a time of day", "write the time as HH:MM")
    moment = dt.datetime.fromisoformat(day.value).replace(tzinfo=JST)
    moment += dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Reading(
        _utc(moment), repair=day.repair or "local time (JST) written in UTC", altered=True
    )


def midnight_utc(day: str) -> str:
    """The beginning of a Japanese day (`YYYY-MM-DD`) as a moment in UTC."""
    return _utc(dt.datetime.fromisoformat(day).replace(tzinfo=JST))


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iso_moment(plain: str) -> Reading:
    try:
        moment = dt.datetime.fromisoformat(plain)
    except ValueError:
        return _not_a_date(plain)
    return Reading(_utc(moment))


def _split_clock(plain: str) -> tuple[str, int, int, int]:
    found = None
    for candidate in _CLOCK.finditer(plain):
        found = candidate
    if found is None or found.start() == 0:
        return plain, 0, 0, 0
    hours = int(found["hour"])
    half = (found["half"] or "").upper()
    if half in ("午後", "PM") and hours < 12:
        hours += 12
    day_text = plain[: found.start()].rstrip(" T")
    return day_text, hours, int(found["minute"] or 0), int(found["second"] or 0)


def _without_kanji_numbers(plain: str) -> str:
    if plain.isascii():
        return plain
    return _KANJI_NUMBER.sub(lambda found: str(_kanji_number(found[0])), plain)


def _kanji_number(text: str) -> int:
    """Numbers below 100 with 十 (二十三), or digit by digit (二〇二四)."""
    if "十" not in text:
        return int("".join(str(_KANJI_DIGITS[c]) for c in text))
    tens, _, ones = text.partition("十")
    return (_KANJI_DIGITS[tens] if tens else 1) * 10 + (_KANJI_DIGITS[ones] if ones else 0)


def _era_day(found: re.Match[str], plain: str) -> Reading:
    letter = _ERA_LETTER[found[1].upper()]
    name, begins, ends = _ERAS[letter]
    if found[2] != "元" and int(found[2]) == 0:
        return unreadable(f"{plain!r}: no era has a year 0", _REMEDY)
    year = begins.year + (1 if found[2] == "元" else int(found[2])) - 1
    reading = _day(year, int(found[3]), int(found[4]), plain)
    if reading.value is None:
        return reading
    day = dt.date.fromisoformat(reading.value)
    repair = f"era date: {name} {found[2]} is {year}"
    if not begins <= day <= ends:
        repair += f"; the day lies outside the {name} era and was taken as written"
    return Reading(reading.value, repair=repair, altered=True)


def _year_last(found: re.Match[str], order: DateOrder, plain: str) -> Reading:
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    if order is DateOrder.CONTRADICTORY and first <= 12 and second <= 12:
        return unreadable("the column holds both month/day/year and day/month/year dates", _REMEDY)
    day_first = first > 12 or order is DateOrder.DAY_FIRST
    month, day = (second, first) if day_first else (first, second)
    reading = _day(year, month, day, plain)
    if reading.value is None:
        return reading
    note = "day/month/year" if day_first else "month/day/year"
    if order is DateOrder.UNDECIDED and first <= 12 and second <= 12 and first != second:
        note += " (assumed: no date of the column decides it)"
    return Reading(reading.value, repair=f"read as {note}", altered=True)


def _day(year: int, month: int, day: int, plain: str) -> Reading:
    try:
        value = dt.date(year, month, day).isoformat()
    except ValueError:
        return unreadable(f"{plain!r} is not a day of the calendar", _REMEDY)
    if value == plain:
        return Reading(value)
    return Reading(value, repair="date written as YYYY-MM-DD")


def _not_a_date(plain: str) -> Reading:
    if re.search(r"\d.*[~].*\d", plain) or re.search(r"\d日?\s*から", plain):
        return unreadable(
            "a period in one cell", "use one column for the first and one for the last day"
        )
    if re.match(r"\d{1,2}\s*[月/]\s*\d{1,2}", plain):
        return unreadable("the year is missing", _REMEDY)
    if len(re.findall(r"\d{4}\s*[-/年]", plain)) > 1:
        return unreadable(
            "several dates in one cell", "give one date; others belong to the remarks"
        )
    if _INCOMPLETE.fullmatch(plain):
        return unreadable("month or day is missing, or it is a fiscal year", _REMEDY)
    if not any(c.isdigit() for c in plain):
        return unreadable(
            "words instead of a date", f"{_REMEDY}, or leave it empty and use the remarks"
        )
    return unreadable(f"{plain!r} is not a date in a known form", _REMEDY)
