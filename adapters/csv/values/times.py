"""Times of day. 24:00 stays 24:00 (open until midnight), 25:30 stays (half past one, next day)."""

import re
from typing import Final

from adapters.csv.values.reading import NOT_STATED_MARKS, NOTHING, Reading, unreadable
from adapters.csv.values.text import folded

_TIME: Final = re.compile(
    r"(?P<next_day>翌[日朝]?の?\s*)?(?P<half>午前|午後|AM|PM)?\s*(?P<hour>\d{1,2})\s*(?::\s*(?P<minute>\d{1,2})(?::\d{2})?"
    r"|時(?!間)\s*(?:(?P<minute_word>\d{1,2})\s*分|(?P<half_past>半))?)"
    r"(?:\s*(?P<half_after>[ap]\.?m)\b\.?)?(?P<tail>.*)",
    re.IGNORECASE | re.DOTALL,
)
_COMPACT: Final = re.compile(r"([0-2]\d)([0-5]\d)")
_FRACTION_OF_A_DAY: Final = re.compile(r"0?\.\d{2,}")
_BETWEEN: Final = re.compile(r"\s*(?:~|から|-|翌)\s*(?:翌\s*)?")
_REMEDY: Final = "write the time as HH:MM in 24 hours"


def read_time(text: str) -> Reading:
    """A time of day as `HH:MM`, up to 30:00 where a day is counted on."""
    plain = folded(text)
    if not plain or plain in NOT_STATED_MARKS:
        return NOTHING
    if compact := _COMPACT.fullmatch(plain):
        return Reading(f"{compact[1]}:{compact[2]}", repair="colon added to the time")
    if _FRACTION_OF_A_DAY.fullmatch(plain) and (counted := _of_fraction(plain)):
        return Reading(counted, repair=f"fraction of a day of a spreadsheet: {plain} is {counted}")
    found = _TIME.match(plain)
    if found is None:
        return unreadable(
            "words instead of a time", f"{_REMEDY}, or leave it empty and use the remarks"
        )
    return _time_of_day(found, plain)


def _of_fraction(plain: str) -> str | None:
    """The time a spreadsheet counts as this part of a day, if it is a whole minute."""
    minutes = float(plain) * 1440
    whole = round(minutes)
    return f"{whole // 60:02}:{whole % 60:02}" if abs(minutes - whole) < 0.02 else None


def _time_of_day(found: re.Match[str], plain: str) -> Reading:
    value = _value(found)
    if value is None:
        return unreadable(f"{plain!r} is not a time of day", _REMEDY)
    tail = found["tail"].strip()
    if tail and re.search(r"\d", tail) and _BETWEEN.match(tail):
        return unreadable("a period in one cell", "use one column for opening and one for closing")
    if tail:
        return Reading(value, repair=f"time read, the words {tail!r} kept as a note", altered=True)
    if value in (plain, f"0{plain}"):
        return Reading(value)
    return Reading(value, repair="time written as HH:MM")


def read_time_range(text: str) -> tuple[str, str] | None:
    """Opening and closing time of a cell such as `8:30～17:15`, None unless it holds just one."""
    plain = folded(text)
    first = _TIME.match(plain)
    if first is None:
        return None
    between = _BETWEEN.match(first["tail"])
    if between is None:
        return None
    second = _TIME.fullmatch(first["tail"][between.end() :])
    if second is None or second["tail"].strip():
        return None
    opens, closes = _value(first), _value(second)
    if opens is None or closes is None:
        return None
    if "翌" in between[0]:
        closes = f"{int(closes[:2]) + 24:02d}{closes[2:]}"
    return opens, closes


def _value(found: re.Match[str]) -> str | None:
    hour = int(found["hour"])
    minute = 30 if found["half_past"] else int(found["minute"] or found["minute_word"] or 0)
    half = (found["half"] or found["half_after"] or "").upper().replace(".", "")
    if half in ("午後", "PM") and hour < 12:
        hour += 12
    elif found["half_after"] and half == "AM" and hour == 12:
        hour = 0
    if found["next_day"]:
        hour += 24
    return f"{hour:02d}:{minute:02d}" if hour <= 30 and minute <= 59 else None
