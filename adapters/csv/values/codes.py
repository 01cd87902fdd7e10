"""Codes with a check digit: municipalities (6 digits) and corporate numbers (13 digits)."""

import re
from collections.abc import Container
from typing import Final

from adapters.csv.values.reading import NOT_STATED_MARKS, NOTHING, Reading, unreadable
from adapters.csv.values.text import POWER_OF_TEN, folded, trimmed

_ZEROS_LOST: Final = 2
_PREFECTURES: Final = frozenset(f"{number:02d}" for number in range(1, 48))


def municipality_check_digit(five: str) -> str:
    """The sixth digit of a municipality code: (11 - (6a+5b+4c+3d+2e mod 11)) mod 10."""
    total = sum(weight * int(digit) for weight, digit in zip((6, 5, 4, 3, 2), five, strict=True))
    return str((11 - total % 11) % 10)


def is_municipality_code(code: str) -> bool:
    """Whether the text is six digits of a prefecture that exists, with the right check digit."""
    return (
        len(code) == 6
        and code.isascii()
        and code.isdigit()
        and code[:2] in _PREFECTURES
        and municipality_check_digit(code[:5]) == code[5]
    )


def read_municipality_code(text: str, known: Container[str] = ()) -> Reading:
    """A six-digit code; a lost zero or check digit is restored only where that is provable.

    `known` is the register of codes in use: it decides between two arithmetically possible
    readings, and proves a code that came without its check digit.
    """
    plain = folded(text).removesuffix(".0")
    if not plain:
        return NOTHING
    if not re.fullmatch(r"\d{4,6}", plain):
        return unreadable(f"{plain[:20]!r} is not a municipality code", "write the six-digit code")
    if len(plain) == 6:
        return _six(plain)
    readings = _restorations(plain)
    in_use = [code for code in readings if code in known]
    if len(in_use) == 1:
        return _restored(plain, in_use[0])
    if len(readings) == 1 and readings[0].endswith(plain):
        return _restored(plain, readings[0])
    return unreadable(
        f"{plain} lacks a digit and it cannot be proved which", "write the code with all six digits"
    )


def _six(plain: str) -> Reading:
    if is_municipality_code(plain):
        return Reading(plain)
    if plain[:2] not in _PREFECTURES:
        return unreadable(f"there is no prefecture {plain[:2]}", "correct the municipality code")
    expected = municipality_check_digit(plain[:5])
    return unreadable(
        f"check digit of {plain} is wrong ({plain[:5]} would end in {expected})",
        "correct the municipality code",
    )


def _restorations(plain: str) -> list[str]:
    zero_lost = plain.zfill(6)
    digit_lost = plain.zfill(5)
    candidates = [zero_lost] if len(plain) == 5 else []
    candidates.append(digit_lost + municipality_check_digit(digit_lost))
    return [code for code in candidates if is_municipality_code(code)]


def _restored(plain: str, code: str) -> Reading:
    lost = "leading zero" if code.endswith(plain) else "check digit"
    if len(code) - len(plain) > 1:
        lost = "leading zero and check digit"
    return Reading(code, repair=f"{lost} of the municipality code restored: {plain} is {code}")


def read_corporate_number(text: str) -> Reading:
    """A 13-digit corporate number (法人番号) whose first digit proves the rest."""
    plain = re.sub(r"[\s-]", "", folded(text))
    if not plain:
        return NOTHING
    if POWER_OF_TEN.fullmatch(plain):
        return unreadable(
            "a spreadsheet has made a power of ten of the corporate number",
            "format the column as text, enter the number again and export the table",
        )
    if not re.fullmatch(r"\d{13}", plain):
        return unreadable(
            f"{plain[:20]!r} does not have 13 digits", "write the 13-digit corporate number"
        )
    total = sum(int(d) * (1 if i % 2 == 0 else 2) for i, d in enumerate(reversed(plain[1:])))
    if 9 - total % 9 != int(plain[0]):
        return unreadable(f"check digit of {plain} is wrong", "correct the corporate number")
    return Reading(
        plain, repair="" if plain == text.strip() else "corporate number written in plain digits"
    )


def read_figures(text: str, length: int = 0) -> Reading:
    """A code of figures in half-width ones; any other text is kept as it is.

    Where every such code has `length` figures, hyphens between them are taken out, and one or two
    leading zeros that a spreadsheet dropped are restored.
    """
    published = trimmed(text)
    if not published or published in NOT_STATED_MARKS:
        return NOTHING
    plain = folded(text)
    joined = plain.replace("-", "")
    figures = joined if len(joined) == length else plain.removesuffix(".0")
    if not (figures.isascii() and figures.isdigit()):
        return Reading(published)
    if figures[0] != "0" and 0 < length - len(figures) <= _ZEROS_LOST:
        return Reading(figures.zfill(length), repair="leading zeros of the code restored")
    return Reading(figures, repair="" if figures == published else "code written in plain figures")
