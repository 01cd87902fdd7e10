"""From the bytes of a file to text: what is it really, which encoding, which delimiter.

Order: byte order mark, escapes of ISO-2022-JP, strict UTF-8, strict CP932 (with its NEC and IBM
extensions), strict EUC-JP. Nothing is ever decoded with replacement: a file that is none of these
is refused. The text is kept in a temporary file, whatever its size.
"""

import codecs
import csv
import gzip
import io
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Final, TextIO

from adapters.csv.scratch import ScratchFile, text_of

MAX_BYTES: Final = 500_000_000
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_END_OF_FILE: Final = "\x1a\0"
_FORMULA: Final = '="'
_HELD_BACK: Final = f"{_END_OF_FILE}="
_WHITE: Final = b" \t\r\n\xef\xbb\xbf\xfe\xff\0"
_ISO_2022: Final = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
_DELIMITERS: Final = (",", "\t", ";", "|")
_SAMPLE_BYTES: Final = 20_000
_SAMPLE_CHARACTERS: Final = 200_000
_PART_BYTES: Final = 1_000_000
_ENOUGH_ZEROS: Final = 8
_LOPSIDED: Final = 10
_SAMPLE_LINES: Final = 60
_FOREIGN: Final = re.compile(r"[A-Za-z]*[^\x00-\x7f]+[A-Za-z]*")
_BETWEEN_LETTERS: Final = re.compile(r"[A-Za-z]*[a-z][^\x00-\x7f]{1,2}[a-z]*|[^\x00-\x7f][a-z]{2,}")
_COMMON: Final = re.compile("[\u3040-\u30ff名所市区町村県番号年月日数]")
_ENOUGH_TEXT: Final = 30
_HALF_WIDTH: Final = re.compile("[\uff61-\uff9f]")
_JAPANESE: Final = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


class UnreadableFile(Exception):
    """The file is not a table we can read; `remedy` says what its owner can do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file as UTF-8, the encoding it was in and the delimiter of its cells."""

    file: ScratchFile
    encoding: str
    delimiter: str
    has_formulas: bool

    def lines(self) -> TextIO:
        """The text from its beginning, line ends as they are."""
        return text_of(self.file)

    def ends_with(self, ending: str) -> bool:
        """Whether these are the last characters of the text."""
        wanted = ending.encode()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(max(0, size - len(wanted)))
        return self.file.read() == wanted


@dataclass(slots=True)
class _Decoded:
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


def decode(source: IO[bytes], *, max_bytes: int = MAX_BYTES) -> DecodedText:
    """Decode a file. Raises `UnreadableFile` for what is no text table, empty or too large."""
    size = source.seek(0, os.SEEK_END)
    if size > max_bytes:
        raise UnreadableFile(
            f"the file has more than the limit of {max_bytes:,} bytes",
            "split the file, or raise max_bytes in the settings",
        )
    if not any(part.strip(_WHITE) for part in _parts(source)):
        raise UnreadableFile("the file is empty", "export the table again")
    if _head(source).startswith(b"PK\x03\x04"):
        source = _only_table_of_archive(source, max_bytes)
    if _head(source).startswith(b"\x1f\x8b"):
        source = _unpacked(source, max_bytes)
    _refuse_other_formats(_head(source))
    decoded = _text(source)
    delimiter = _delimiter(text_of(decoded.file))
    return DecodedText(decoded.file, decoded.encoding, delimiter, decoded.has_formulas)


def _parts(source: IO[bytes]) -> Iterator[bytes]:
    source.seek(0)
    while part := source.read(_PART_BYTES):
        yield part


def _head(source: IO[bytes]) -> bytes:
    source.seek(0)
    return source.read(_SAMPLE_BYTES)


def _only_table_of_archive(source: IO[bytes], max_bytes: int) -> ScratchFile:
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
            if any(name.startswith(("xl/", "word/", "ppt/")) for name in names):
                raise UnreadableFile(
                    "this is an Excel workbook, not CSV",
                    "open it in Excel and save it as 'CSV UTF-8'",
                )
            tables = [n for n in names if n.lower().endswith((".csv", ".tsv", ".txt"))]
            if len(tables) != 1:
                raise UnreadableFile(
                    f"a zip archive with {len(tables)} tables",
                    "unpack it and import the files one by one",
                )
            with archive.open(tables[0]) as table:
                return _copied(table, max_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UnreadableFile(
            f"a damaged or encrypted zip archive: {error}", "fetch it again"
        ) from error


def _unpacked(source: IO[bytes], max_bytes: int) -> ScratchFile:
    source.seek(0)
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as archive:
            return _copied(archive, max_bytes)
    except EOFError as error:
        raise UnreadableFile("a gzip archive whose end is missing", "fetch it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFile(f"a damaged gzip archive: {error}", "fetch it again") from error


def _copied(packed: IO[bytes] | gzip.GzipFile, max_bytes: int) -> ScratchFile:
    plain = ScratchFile()
    while part := packed.read(_PART_BYTES):
        plain.write(part)
        if plain.tell() > max_bytes:
            raise UnreadableFile("the file in the archive is too large", "unpack and split it")
    return plain


def _refuse_other_formats(data: bytes) -> None:
    head = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = (
        ((b"<!", b"<?xml", b"<html", b"<head", b"<body", b"<table", b"<meta", b"<script"),
         "a web page or XML document, not a table",
         "the address may answer with an error page: open it in a browser"),
        ((b"%pdf",), "a PDF document", "ask the publisher for the table as CSV"),
        ((b"\xd0\xcf\x11\xe0",), "an old Excel workbook (.xls)",
         "open it in Excel and save it as 'CSV UTF-8'"),
        ((b"\x1f\x8b",), "a gzip archive within another", "unpack it first"),
        ((b"version https://git-lfs",), "a pointer of Git LFS, not the file itself",
         "fetch the file with 'git lfs pull'"),
        ((b"{", b"[{", b"[ {", b"[\n", b"[\r\n"),
         "JSON, not CSV", "import JSON with the rest adapter"),
    )  # fmt: skip
    for starts, reason, remedy in known:
        if head.startswith(starts):
            raise UnreadableFile(f"this is {reason}", remedy)


def _text(source: IO[bytes]) -> _Decoded:
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


def _decoded(source: IO[bytes], encoding: str) -> _Decoded:
    """The whole text in one encoding, without the mark of its end. Raises `_NotInThisEncoding`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    found = _Decoded(ScratchFile(), encoding)
    given, held_back = 0, ""
    for part in chain(_parts(source), (b"",)):
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
    head = _head(source)
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
    for part in _parts(source):
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


def _is_rather_euc(source: IO[bytes], as_cp932: _Decoded) -> bool:
    """EUC-JP text often decodes as CP932, as rows of half-width kana."""
    if as_cp932.half_width <= as_cp932.japanese:
        return False
    try:
        _decoded(source, "euc_jp")
    except _NotInThisEncoding:
        return False
    return True


def _refuse_other_languages(decoded: _Decoded) -> None:
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
        part = source.read(min(left, _PART_BYTES))
        line, left = line + part.count(b"\n"), left - len(part)
    byte = source.read(1)
    what = f"is 0x{byte[0]:02X}" if byte else "is missing"
    return UnreadableFile(
        f"not valid as {tried}: byte {fault.position + 1} (line {line}) {what}",
        "save the file as 'CSV UTF-8'; a part of it may have been pasted in another encoding",
    )


def _delimiter(text: TextIO) -> str:
    sample = "\n".join(text.read(_SAMPLE_CHARACTERS).splitlines()[:_SAMPLE_LINES])
    return max(_DELIMITERS, key=lambda delimiter: _regularity(sample, delimiter))


def _regularity(sample: str, delimiter: str) -> tuple[int, int]:
    """How many rows have the commonest width above one, and that width."""
    try:
        widths = Counter(
            len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        )
    except csv.Error:
        return (0, 0)
    wide = {width: count for width, count in widths.items() if width > 1}
    if not wide:
        return (0, 0)
    width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
    return (count, width)
