"""What mapping expressions can do beyond JMESPath. Pure.

A function given null answers null, so that a value that is missing stays missing.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from jmespath import Options, functions

JST = timezone(timedelta(hours=9), "JST")
COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?")
WRITTEN = re.compile(
    r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})日?"
    r"(?:[T\s]*(\d{1,2})(?:[:時](?:(\d{1,2})(?:[:分](?:(\d{1,2})秒?)?)?)?)?)?"
)
"""A time as people write it: 2024/4/1 9:05, 2024-04-01 24:00 (midnight that follows), 9時5分."""
THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
EARLIEST, LATEST = 1e8, 4.2e9
"""Seconds between 1973 and 2103: a year or a date in figures is no number of seconds."""
NUMBER: Any = {"types": ["number", "null"]}
DIGITS: Any = {"types": ["number"]}
TEXT: Any = {"types": ["string", "null"]}
TEXT_OR_NUMBER: Any = {"types": ["string", "number", "null"]}
ARRAY: Any = {"types": ["array", "null"]}
OBJECT: Any = {"types": ["object", "null"]}
ANY: Any = {"types": []}


class MappingFunctions(functions.Functions):
    """The functions, by their names in expressions: `_func_<name>`."""

    @functions.signature(OBJECT)
    def _func_items(self, value: dict[str, Any] | None) -> list[dict[str, Any]]:
        """`items({a: 1})` is `[{key: 'a', value: 1}]`."""
        return [{"key": key, "value": one} for key, one in (value or {}).items()]

    @functions.signature(ANY, ANY, ANY)
    def _func_if(self, condition: Any, then: Any, otherwise: Any) -> Any:
        return otherwise if condition in (None, False) else then

    @functions.signature(ARRAY, ARRAY)
    def _func_flagged(self, pair: list[Any] | None, accepted: list[Any] | None) -> Any:
        """The first of `[value, flag]` if the flag is one of those accepted."""
        return pair[0] if pair and len(pair) > 1 and pair[1] in (accepted or ()) else None

    @functions.signature(NUMBER, NUMBER)
    def _func_add(self, one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else one + other

    @functions.signature(NUMBER, NUMBER)
    def _func_multiply(self, one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else _tidy(one * other)

    @functions.signature(NUMBER, NUMBER)
    def _func_divide(self, one: float | None, other: float | None) -> float | None:
        return None if one is None or not other else _tidy(one / other)

    @functions.signature(NUMBER, DIGITS)
    def _func_round(self, number: float | None, digits: int) -> float | None:
        return None if number is None else float(round(number, int(digits)))

    @functions.signature(ANY)
    def _func_number(self, value: Any) -> float | int | None:
        """A number from text, also with commas (1,234); null for what is none, as NaN."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        if isinstance(value, str) and THOUSANDS.fullmatch(value.strip()):
            value = value.replace(",", "")
        try:
            number = float(value)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        return int(number) if number.is_integer() and "." not in str(value) else number

    @functions.signature(ANY)
    def _func_text(self, value: Any) -> str | None:
        return None if value is None else str(value)

    @functions.signature(ARRAY)
    def _func_degrees(self, parts: list[float] | None) -> float | None:
        """Decimal degrees from `[degrees, minutes]` or `[degrees, minutes, seconds]`."""
        if not parts or not all(isinstance(one, int | float) for one in parts):
            return None
        sign = -1 if parts[0] < 0 or str(parts[0]).startswith("-") else 1
        size = sum(abs(part) / 60.0**power for power, part in enumerate(parts[:3]))
        return round(sign * size, 6)

    @functions.signature(TEXT)
    def _func_jst(self, text: str | None) -> str | None:
        """A time in UTC from one that is Japan's unless it has an offset; also 20210224150000."""
        moment = _moment(text)
        return None if moment is None else _utc(moment)

    @functions.signature(TEXT)
    def _func_compact_jst(self, text: str | None) -> str | None:
        """The time in Japan as 20210224150000."""
        moment = _moment(text)
        return None if moment is None else moment.astimezone(JST).strftime("%Y%m%d%H%M%S")

    @functions.signature(TEXT_OR_NUMBER)
    def _func_epoch(self, value: float | str | None) -> str | None:
        """A time in UTC from seconds or milliseconds since 1970."""
        try:
            seconds = float(value) if value is not None else 0.0
        except ValueError:
            return None
        if seconds > 1e11:
            seconds /= 1000
        if not EARLIEST <= seconds <= LATEST:
            return None
        return _utc(datetime.fromtimestamp(seconds, UTC))


OPTIONS = Options(custom_functions=MappingFunctions())


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    plain = text.strip()
    try:
        if parts := COMPACT.fullmatch(plain) or WRITTEN.fullmatch(plain):
            year, month, day, hour, minute, second = (int(one or 0) for one in parts.groups())
            if hour == 24 and not minute and not second:
                return datetime(year, month, day, tzinfo=JST) + timedelta(days=1)
            return datetime(year, month, day, hour, minute, second, tzinfo=JST)
        moment = datetime.fromisoformat(plain.replace("/", "-"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=JST)


def _utc(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(
        timespec="milliseconds" if moment.microsecond else "auto"
    )
    return text.replace("+00:00", "Z")


def _tidy(number: float) -> float:
    """Remove the noise of binary arithmetic: 0.07 rather than 0.07000000000000001."""
    return float(f"{number:.12g}")
