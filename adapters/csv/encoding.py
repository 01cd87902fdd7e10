"""Which encoding a file is in, and its text.

Order: byte order mark, escapes of ISO-2022-JP, strict UTF-8, strict CP932 (with its NEC and IBM
extensions), strict EUC-JP. Nothing is ever decoded with replacement: a file that is none of these
is refused. The text is kept in a temporary file, whatever its size.
"""

import codecs
import re
from dataclasses import dataclass
from itertools import chain
from typing import IO, Final

from adapters.csv.scratch import ScratchFile
from adapters.csv.unpacking import PART_BYTES, head_of, parts_of
from adapters.csv.unreadable import UnreadableFile

_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_END_OF_FILE: Final = "\x1a\0"
_FORMULA: Final = '="'
_HELD_BACK: Final = f"{_END_OF_FILE}="
_ISO_2022: Final = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
_ENOUGH_ZEROS: Final = 8
_LOPSIDED: Final = 10
_FOREIGN: Final = re.compile(r"[A-Za-z]*[^\x00-\x7f]+[A-Za-z]*")
_BETWEEN_LETTERS: Final = re.compile(r"[A-Za-z]*[a-z][^\x00-\x7f]{1,2}[a-z]*|[^\x00-\x7f][a-z]{2,}")
_COMMON: Final = re.compile("[\u3040-\u30ff名所市区町村県番号年月日数]")
_ENOUGH_TEXT: Final = 30
_HALF_WIDTH: Final = re.compile("[\uff61-\uff9f]")
_JAPANESE: Final = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


@dataclass(slots=True)
class TextFound:
    """A text that was decoded, and what tells whether it was in this encoding."""

    file: ScratchFile
    encoding: str
    has_formulas: bool = False
    japanese: int = 0
    half_width: int = 0
    runs: int = 0
    runs_between_letters: int = 0
    is_common: bool = False

    def count(self, text: str) -> None:
        """Take a further part of the text into account."""
        if self.encoding not in ("cp932", "euc_jp"):
            self.japanese = self.japanese or _JAPANESE.search(text) is not None
            return
        self.japanese += len(_JAPANESE.findall(text))
        self.half_width += len(_HALF_WIDTH.findall(text))
        runs = _FOREIGN.findall(text)
        self.runs += len(runs)
        self.runs_between_letters += sum(1 for run in runs if _BETWEEN_LETTERS.fullmatch(run))
        self.is_common = self.is_common or _COMMON.search(text) is not None


class _NotInThisEncoding(Exception):
    """The byte at `position` (from 0) cannot be; there may have been `japanese` text before it."""

    def __init__(self, position: int, *, japanese: bool) -> None:
        self.position = position
        self.japanese = japanese


def text_in(source: IO[bytes]) -> TextFound:
    """Return the text of a file. Raises `UnreadableFile` for what is in no encoding of these."""
    marked = _marked_encoding(source)
    if marked is not None:
        encoding, why = marked
        try:
            return _decoded(source, encoding)
        except _NotInThisEncoding as fault:
            raise _undecodable(source, f"{encoding} {why}", fault) from fault
    faults: list[_NotInThisEncoding] = []
    for encoding in ("utf-8", "cp932", "euc_jp"):
        try:
            decoded = _decoded(source, encoding)
        except _NotInThisEncoding as fault:
            if encoding == "utf-8" and fault.japanese:
                raise _undecodable(source, "UTF-8 from here on", fault) from fault
            faults.append(fault)
            continue
        if encoding == "cp932" and _is_rather_euc(source, decoded):
            continue
        if encoding != "utf-8":
            _refuse_other_languages(decoded)
        return decoded
    furthest = max(faults, key=lambda fault: fault.position)
    raise _undecodable(source, "UTF-8, CP932 and EUC-JP", furthest)


def _decoded(source: IO[bytes], encoding: str) -> TextFound:
    """The whole text in one encoding, without the mark of its end. Raises `_NotInThisEncoding`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    found = TextFound(ScratchFile(), encoding)
    given, held_back = 0, ""
    for part in chain(parts_of(source), (b"",)):
        given += len(part)
        try:
            text = decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "ignore")
            japanese = found.japanese > 0 or _JAPANESE.search(before) is not None
            position = given - len(error.object) + error.start
            raise _NotInThisEncoding(position, japanese=japanese) from error
        found.count(text)
        text = held_back + text
        kept = text.rstrip(_HELD_BACK if part else _END_OF_FILE)
        held_back = text[len(kept) :]
        found.has_formulas = found.has_formulas or _FORMULA in text
        if "\0" in kept:
            raise UnreadableFile(
                "the file has NUL characters, it is not a text table", "save it as CSV (UTF-8)"
            )
        found.file.write(kept.encode())
    return found


def _marked_encoding(source: IO[bytes]) -> tuple[str, str] | None:
    """The encoding a file itself shows, and by what."""
    head = head_of(source)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, "by its byte order mark"
    first, second = head[::2].count(0), head[1::2].count(0)
    if _are_of_utf_16(first, second, len(head)):
        return "utf-16-be" if first > second else "utf-16-le", "by its zero bytes"
    if _has_escapes(source):
        return "iso2022_jp_2", "by its escapes"
    return None


def _has_escapes(source: IO[bytes]) -> bool:
    end = b""
    for part in parts_of(source):
        whole = end + part
        if any(mark in whole for mark in _ISO_2022):
            return True
        end = part[-2:]
    return False


def _are_of_utf_16(first: int, second: int, size: int) -> bool:
    """Whether so many zeros, at first and at second places of pairs, are those of UTF-16.

    Japanese text has them for commas, figures and ends of lines only.
    """
    zeros = first + second
    is_lopsided = max(first, second) >= _LOPSIDED * min(first, second)
    return zeros > size // 4 or (zeros >= _ENOUGH_ZEROS and zeros * 100 > size and is_lopsided)


def _is_rather_euc(source: IO[bytes], as_cp932: TextFound) -> bool:
    """EUC-JP text often decodes as CP932, as rows of half-width kana."""
    if as_cp932.half_width <= as_cp932.japanese:
        return False
    try:
        _decoded(source, "euc_jp")
    except _NotInThisEncoding:
        return False
    return True


def _refuse_other_languages(decoded: TextFound) -> None:
    """Texts of Europe and Korea often decode as Japanese, as words that nobody wrote.

    In those of Europe each "character" stands between Latin letters; those of Korea have neither
    kana nor the commonest kanji of a table.
    """
    if decoded.runs_between_letters > decoded.runs / 2:
        raise UnreadableFile(
            "the letters with accents are not in UTF-8, but perhaps in Windows-1252 or ISO-8859",
            "save the file as 'CSV UTF-8'",
        )
    is_euc = decoded.encoding == "euc_jp"
    if is_euc and decoded.japanese >= _ENOUGH_TEXT and not decoded.is_common:
        raise UnreadableFile(
            "the text is no Japanese in EUC-JP: it may be Korean or Chinese",
            "save the file as 'CSV UTF-8'",
        )


def _undecodable(source: IO[bytes], tried: str, fault: _NotInThisEncoding) -> UnreadableFile:
    source.seek(0)
    line, left = 1, fault.position
    while left:
        part = source.read(min(left, PART_BYTES))
        line, left = line + part.count(b"\n"), left - len(part)
    byte = source.read(1)
    what = f"is 0x{byte[0]:02X}" if byte else "is missing"
    return UnreadableFile(
        f"not valid as {tried}: byte {fault.position + 1} (line {line}) {what}",
        "save the file as 'CSV UTF-8'; a part of it may have been pasted in another encoding",
    )
