"""The transformations of the IoT Agents (`value|round`), as far as they are safe and useful.

Each takes the subject and its arguments and answers `None` for what it cannot work on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

import orjson

from adapters.mqtt import times
from adapters.mqtt.expressions.operators import add, equals, number_of, text_of, tidy

Transform: TypeAlias = Callable[..., Any]

UNSUPPORTED = frozenset(
    {"replaceregexp", "replaceallregexp", "localestring", "localestringnumber", "now", "timeoffset"}
)
"""Known to the IoT Agents and refused here: unbounded patterns, the machine's locale and clock."""

_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "undefined"}


def _total(work: Transform) -> Transform:
    """Make a transformation answer `None` for a missing subject and for what it cannot take."""

    @wraps(work)
    def guarded(subject: Any, *arguments: Any) -> Any:
        if subject is None:
            return None
        try:
            return work(subject, *arguments)
        except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
            return None

    return guarded


def _round(subject: Any) -> Any:
    return math.floor(_number(subject) + 0.5)


def _to_fixed(subject: Any, decimals: Any = 0) -> str:
    return f"{_number(subject):.{int(decimals)}f}"


def _number(value: Any) -> float:
    number = number_of(value)
    if number is None:
        raise ValueError(value)
    return number


def _leading_number(subject: Any, *, whole: bool) -> Any:
    text = text_of(subject).strip()
    for end in range(len(text), 0, -1):
        try:
            number = float(text[:end])
        except ValueError:
            continue
        return tidy(math.trunc(number) if whole else number)
    return None


def _substr(subject: Any, start: int, length: int | None = None) -> str:
    text = text_of(subject)
    begin = max(len(text) + start, 0) if start < 0 else start
    return text[begin:] if length is None else text[begin : begin + max(length, 0)]


def _iso_date(subject: Any) -> str | None:
    moment = times.from_epoch(subject / 1000) if _is_number(subject) else times.from_iso(subject)
    if moment is None:
        return None
    return datetime.fromisoformat(moment).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _milliseconds(subject: Any) -> int | None:
    moment = times.from_iso(subject)
    if moment is None:
        return None
    return round(datetime.fromisoformat(moment).astimezone(UTC).timestamp() * 1000)


def _map(subject: Any, values: list[Any], choices: list[Any]) -> Any:
    for value, choice in zip(values, choices, strict=False):
        if equals(value, subject):
            return choice
    return None


def _map_threshold(subject: Any, values: list[Any], choices: list[Any]) -> Any:
    for index, limit in enumerate(values):
        if _number(subject) <= _number(limit):
            return choices[index]
    return None


def _mask(subject: Any, mask: int, operator: str, shift: int = 0) -> int | None:
    number = int(_number(subject))
    results = {"&": number & mask, "|": number | mask, "^": number ^ mask}
    return results[operator] >> shift if operator in results and 0 <= shift < 64 else None


def _sum(subject: list[Any]) -> Any:
    total = subject[0]
    for item in subject[1:]:
        total = add(total, item)
    return total


def _pick(subject: Mapping[str, Any], wanted: Any) -> list[str]:
    accepted = wanted if isinstance(wanted, list) else [wanted]
    return [name for name, value in subject.items() if value in accepted]


def _hash(subject: Any) -> str:
    """The 32-bit hash of the IoT Agents, over UTF-16 code units."""
    units = text_of(subject).encode("utf-16-le", "surrogatepass")
    total = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        shifted = (total << 5) & 0xFFFFFFFF
        signed = shifted - (1 << 32) if shifted >= 1 << 31 else shifted
        total = signed - total + low + (high << 8)
    return f"{abs(total):X}".rjust(8, "0")


def _index(subject: Any, part: Any) -> int:
    return text_of(subject).find(text_of(part))


TRANSFORMS: Mapping[str, Transform] = MappingProxyType(
    {
        "jsonparse": _total(orjson.loads),
        "jsonstringify": _total(lambda value: orjson.dumps(value).decode()),
        "indexOf": _total(_index),
        "length": _total(lambda value: len(text_of(value))),
        "trim": _total(lambda value: text_of(value).strip()),
        "substr": _total(_substr),
        "addreduce": _total(_sum),
        "lengtharray": _total(len),
        "typeof": lambda value: _TYPES.get(type(value), "object"),
        "isarray": lambda value: isinstance(value, list),
        "isnan": lambda value: number_of(value) is None,
        "parseint": _total(lambda value: _leading_number(value, whole=True)),
        "parsefloat": _total(lambda value: _leading_number(value, whole=False)),
        "toisodate": _total(_iso_date),
        "toisostring": _total(_iso_date),
        "gettime": _total(_milliseconds),
        "tostring": _total(text_of),
        "urlencode": _total(lambda value: quote(text_of(value), safe=";,/?:@&=+$-_.!~*'()#")),
        "urldecode": _total(lambda value: unquote(text_of(value))),
        "replacestr": _total(lambda value, old, new: text_of(value).replace(old, new, 1)),
        "replaceallstr": _total(lambda value, old, new: text_of(value).replace(old, new)),
        "split": _total(lambda value, mark: text_of(value).split(mark)),
        "joinarrtostr": _total(lambda value, mark: mark.join(text_of(one) for one in value)),
        "concatarr": _total(lambda value, other: [*value, *other]),
        "mapper": _total(_map),
        "thmapper": _total(_map_threshold),
        "bitwisemask": _total(_mask),
        "slice": _total(lambda value, start, end=None: value[start:end]),
        "addset": _total(lambda value, item: value if item in value else [*value, item]),
        "removeset": _total(lambda value, item: [one for one in value if one != item]),
        "touppercase": _total(lambda value: text_of(value).upper()),
        "tolowercase": _total(lambda value: text_of(value).lower()),
        "hash": _total(_hash),
        "round": _total(_round),
        "floor": _total(lambda value: math.floor(_number(value))),
        "ceil": _total(lambda value: math.ceil(_number(value))),
        "tofixed": _total(_to_fixed),
        "hextostring": _total(lambda value: bytes.fromhex(value).decode()),
        "valuePicker": _total(_pick),
        "valuePickerMulti": _total(_pick),
    }
)
"""Name → function of the subject and the arguments."""
