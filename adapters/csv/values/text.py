"""Text: widths, kana, dashes, and characters that did not survive.

Published text is kept as it is but for its edges; `folded` forms serve comparison only.
"""

import re
import unicodedata
from typing import Final

from adapters.csv.values.reading import NOTHING, Reading, unreadable

_EDGES: Final = " \t\r\n\v\f\u00a0\u3000\ufeff\u200b\u200c\u200d\u2060"
_ONE_SPELLING: Final = str.maketrans(
    dict.fromkeys("‐‑‒–—―−－ｰ─━", "-") | dict.fromkeys("〜～∼˜", "~")
)
POWER_OF_TEN: Final = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
"""What a spreadsheet makes of a long number that it takes for a quantity."""

_SPACE: Final = re.compile(r"\s+")
_HALF_WIDTH_KANA: Final = re.compile("[\uff61-\uff9f]+")
_HIRAGANA_ONLY: Final = re.compile("[\u3041-\u3096ー・\\s\u3000]+")
_PRIVATE_USE: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SUSPECT: Final = re.compile(
    "[?\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]"
)
_LOST_BETWEEN: Final = re.compile(r"(?<=[0-9０-９\u3040-\u9fff])\?(?=[0-9０-９])")


def trimmed(text: str) -> str:
    """The text without white space, ideographic spaces and zero-width marks at its edges."""
    return text.strip(_EDGES)


def folded(text: str) -> str:
    """NFKC, trimmed, with one kind of dash and one kind of tilde: for parsing and comparison."""
    if text.isascii():
        return text.strip(_EDGES)
    return unicodedata.normalize("NFKC", text).translate(_ONE_SPELLING).strip(_EDGES)


def comparable(text: str) -> str:
    """`folded` without any white space and without regard to case: for keys and names."""
    return _SPACE.sub("", folded(text)).casefold()


def lost_characters(text: str) -> str:
    """What makes the text look damaged, such as replacement characters, or nothing."""
    if not _SUSPECT.search(text):
        return ""
    if "\ufffd" in text:
        return "a character was already destroyed by the publisher (U+FFFD)"
    if _LOST_BETWEEN.search(text):
        return "a character seems already destroyed by the publisher ('?' between figures)"
    if found := _CONTROL.search(text):
        return f"control character U+{ord(found[0]):04X}, which nobody can see"
    if found := _PRIVATE_USE.search(text):
        return (
            f"private-use character U+{ord(found[0]):04X}, readable only with the publisher's font"
        )
    return ""


def read_text(text: str) -> Reading:
    """Text as published, without its edges."""
    plain = trimmed(text)
    return Reading(plain) if plain else NOTHING


def read_kana(text: str) -> Reading:
    """Reading aid in katakana: half-width kana become full-width, ﾞ and ﾟ join their letter."""
    plain = trimmed(text)
    if not plain:
        return NOTHING
    wide = _HALF_WIDTH_KANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), plain)
    if _HIRAGANA_ONLY.fullmatch(wide):
        katakana = "".join(chr(ord(c) + 0x60) if "\u3041" <= c <= "\u3096" else c for c in wide)
        return Reading(katakana, repair="hiragana written as katakana")
    if wide != plain:
        return Reading(wide, repair="half-width kana written full-width")
    return Reading(plain)


def read_url(text: str) -> Reading:
    """An http(s) address; anything else is a problem."""
    plain = trimmed(text)
    if not plain:
        return NOTHING
    if re.fullmatch(r"https?://[^\s]+", plain):
        return Reading(plain)
    narrow = folded(plain)
    if re.fullmatch(r"https?://[^\s]+", narrow):
        return Reading(narrow, repair="full-width characters in the address written half-width")
    if re.fullmatch(r"www\.[\w.-]+\.[a-z]{2,}(/\S*)?", narrow):
        return Reading(f"https://{narrow}", repair="https:// added")
    return unreadable("not a web address", "write one address that begins with https://")
