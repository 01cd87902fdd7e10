"""Telephone numbers and postal codes."""

import re
from typing import Final

from adapters.csv.values.reading import NOT_STATED_MARKS, NOTHING, Reading, unreadable
from adapters.csv.values.text import POWER_OF_TEN, folded, trimmed

_POSTAL: Final = re.compile(r"〒?\s*(\d{3})-?(\d{4})")
_PHONE: Final = re.compile(r"\+?[\d()-]{2,}[\d() -]*\d")
_LOST_ZERO: Final = re.compile(r"[1-9]\d{8}|[5789]0\d{8}")
"""A number whose leading zero a spreadsheet dropped: they have ten figures, mobile ones eleven."""
_POSTAL_FIGURES: Final = 7


def read_phone(text: str) -> Reading:
    """A telephone number with the punctuation of the publisher, in half-width characters."""
    published = trimmed(text)
    plain = folded(text)
    if not plain or plain in NOT_STATED_MARKS:
        return NOTHING
    if POWER_OF_TEN.fullmatch(plain):
        return unreadable(
            "a spreadsheet has made a power of ten of the telephone number",
            "format the column as text, enter the number again and export the table",
        )
    figures = plain.removesuffix(".0")
    if _LOST_ZERO.fullmatch(figures):
        return Reading(f"0{figures}", repair="leading zero of the telephone number restored")
    if _PHONE.fullmatch(plain) or figures.isdecimal():
        repair = "" if plain == published else "full-width figures written half-width"
        repair = repair if figures == plain else ".0 of a spreadsheet taken off"
        return Reading(figures, repair=repair)
    if len(re.findall(r"\d", plain)) < 3:
        return unreadable(
            "no telephone number in the cell", "write figures, words belong to the remarks"
        )
    return Reading(plain, repair="" if plain == published else "written half-width")


def read_postal_code(text: str) -> Reading:
    """Seven digits without hyphen."""
    plain = folded(text)
    if not plain or plain in NOT_STATED_MARKS:
        return NOTHING
    figures = plain.removesuffix(".0")
    if re.fullmatch(r"[1-9]\d{4,5}", figures):
        whole = figures.zfill(_POSTAL_FIGURES)
        return Reading(whole, repair="leading zeros of the postal code restored")
    found = _POSTAL.fullmatch(figures)
    if found is None:
        return unreadable(f"{plain[:20]!r} is not a postal code", "write seven digits")
    value = found[1] + found[2]
    return Reading(
        value, repair="" if value == text.strip() else "hyphen taken out of the postal code"
    )
