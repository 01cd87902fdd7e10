"""Numbers with full-width figures, thousands commas, units and words around them."""

import re
from typing import Final

from adapters.csv.values.reading import NOT_STATED_MARKS, NOTHING, Reading, unreadable
from adapters.csv.values.text import folded

SUPPRESSED_MARKS: Final = frozenset(("X", "x", "χ", "Χ", "秘"))
_UNITS: Final = (
    "人", "名", "台", "基", "床", "個", "箇所", "か所", "ヶ所", "階", "階建", "円", "歳", "才",
    "世帯", "件", "区画", "回", "m", "メートル", "mm", "cm", "km", "m2", "m²", "平米", "%", "l",
    "平方メートル", "リットル", "t", "kg", "年", "分", "本", "室", "部屋", "棟", "組", "枚", "口",
    "戸", "g", "kcal",
)  # fmt: skip
_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_NUMBER: Final = re.compile(
    rf"(?P<about>約|およそ|概ね|おおむね)?\s*(?P<sign>[-+▲△])?\s*(?P<yen>[¥\\])?\s*"
    rf"(?P<figures>\d+(?:,\d{{3}})*|\d+)(?P<fraction>\.\d+)?\s*(?P<unit>{_UNIT})?\s*(?P<more>以上|程度|弱|強)?",
    re.IGNORECASE,
)
_INDOOR: Final = re.compile(r"屋内\s*:?\s*([\d,]+)\s*人")
_OUTDOOR: Final = re.compile(r"屋外\s*:?\s*([\d,]+)\s*人")


def read_number(text: str) -> Reading:
    """A number; a unit of the known list is taken off, `約` and the like are kept as a note."""
    plain = text.strip()
    if plain.isdigit() and plain.isascii():
        return Reading(int(plain))
    plain = folded(text)
    if not plain or plain in NOT_STATED_MARKS or plain in SUPPRESSED_MARKS:
        return NOTHING
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return unreadable(f"{plain[:40]!r} is not a number", "write figures only, without words")
    value = _value(found)
    repairs = [
        f"unit {found['unit']!r} taken off" if found["unit"] else "",
        f"{found['about'] or found['more']!r} taken off" if found["about"] or found["more"] else "",
        f"{found['sign']} read as minus" if found["sign"] in ("▲", "△") else "",
        "comma taken out" if "," in found["figures"] else "",
    ]
    repair = ", ".join(filter(None, repairs))
    if not repair and not text.strip().isascii():
        repair = "full-width figures written half-width"
    return Reading(value, repair=repair, altered=bool(found["about"] or found["more"]))


def read_integer(text: str) -> Reading:
    """A whole number; `1.0` is 1, `1.5` is a problem."""
    reading = read_number(text)
    if not isinstance(reading.value, float):
        return reading
    if not reading.value.is_integer():
        return unreadable(f"{reading.value} is not a whole number", "write a whole number")
    return Reading(int(reading.value), repair=reading.repair, altered=reading.altered)


def read_indoor_outdoor(text: str) -> tuple[int | None, int | None] | None:
    """People indoors and outdoors of `屋内480人／屋外3,350人`; None for any other text."""
    plain = folded(text)
    indoor, outdoor = _INDOOR.search(plain), _OUTDOOR.search(plain)
    if indoor is None and outdoor is None:
        return None
    return (
        int(indoor[1].replace(",", "")) if indoor else None,
        int(outdoor[1].replace(",", "")) if outdoor else None,
    )


def _value(found: re.Match[str]) -> int | float:
    figures = found["figures"].replace(",", "")
    negative = found["sign"] in ("-", "▲", "△")
    value: int | float = float(figures + found["fraction"]) if found["fraction"] else int(figures)
    return -value if negative else value
