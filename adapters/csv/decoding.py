"""From the bytes of a file to text: what is it really, which encoding, which delimiter.

Order: byte order mark, escapes of ISO-2022-JP, strict UTF-8, strict CP932 (with its NEC and IBM
extensions), strict EUC-JP. Nothing is ever decoded with replacement: a file that is none of these
is refused.
"""

import csv
import io
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 50_000_000
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_END_OF_FILE: Final = "\x1a\0"
_WHITE: Final = b" \t\r\n\xef\xbb\xbf\xfe\xff\0"
_ISO_2022: Final = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
_DELIMITERS: Final = (",", "\t", ";", "|")
_SAMPLE_BYTES: Final = 20_000
_ENOUGH_ZEROS: Final = 8
_LOPSIDED: Final = 10
_SAMPLE_LINES: Final = 60
_FOREIGN: Final = re.compile(r"[A-Za-z]*[^\x00-\x7f]+[A-Za-z]*")
_BETWEEN_LETTERS: Final = re.compile(r"[A-Za-z]*[a-z][^\x00-\x7f]{1,2}[a-z]*|[^\x00-\x7f][a-z]{2,}")
_COMMON: Final = re.compile("[\u3040-\u30ff名所市区町村県番号年月日数]")
_ENOUGH_TEXT: Final = 30
_JAPANESE: Final = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


class UnreadableFile(Exception):
    """The file is not a table we can read; `remedy` says what its owner can do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file, the encoding it was in and the delimiter of its cells."""

    text: str
    encoding: str
    delimiter: str


def decode(data: bytes, *, max_bytes: int = MAX_BYTES) -> DecodedText:
    """Decode a file. Raises `UnreadableFile` for what is no text table, empty or too large."""
    if len(data) > max_bytes:
        raise UnreadableFile(
            f"the file has {len(data):,} bytes, more than the limit of {max_bytes:,}",
            "split the file, or raise max_bytes in the settings",
        )
    if not data.strip(_WHITE):
        raise UnreadableFile("the file is empty", "export the table again")
    if data.startswith(b"PK\x03\x04"):
        data = _only_table_of_archive(data, max_bytes)
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(data, max_bytes)
    _refuse_other_formats(data)
    text, encoding = _text(data)
    text = text.rstrip(_END_OF_FILE)
    if "\0" in text:
        raise UnreadableFile(
            "the file has NUL characters, it is not a text table", "save it as CSV (UTF-8)"
        )
    return DecodedText(text, encoding, _delimiter(text))


def _only_table_of_archive(data: bytes, max_bytes: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
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
            if archive.getinfo(tables[0]).file_size > max_bytes:
                raise UnreadableFile("the file in the archive is too large", "unpack and split it")
            return archive.read(tables[0])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise UnreadableFile(
            f"a damaged or encrypted zip archive: {error}", "fetch it again"
        ) from error


def _unpacked(data: bytes, max_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise UnreadableFile(f"a damaged gzip archive: {error}", "fetch it again") from error
    if len(found) > max_bytes:
        raise UnreadableFile("the file in the archive is too large", "unpack and split it")
    if not unpacking.eof:
        raise UnreadableFile("a gzip archive whose end is missing", "fetch it again")
    return found


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


def _text(data: bytes) -> tuple[str, str]:
    marked = _marked_encoding(data)
    if marked is not None:
        encoding, why = marked
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as error:
            raise _undecodable(data, f"{encoding} {why}", error) from error
    errors: list[UnicodeDecodeError] = []
    for encoding in ("utf-8", "cp932", "euc_jp"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding == "utf-8" and _JAPANESE.search(data[: error.start].decode()):
                raise _undecodable(data, "UTF-8 from here on", error) from error
            errors.append(error)
            continue
        if encoding == "cp932" and _is_rather_euc(data, text):
            continue
        if encoding != "utf-8":
            _refuse_other_languages(text, encoding)
        return text, encoding
    furthest = max(errors, key=lambda error: error.start)
    raise _undecodable(data, "UTF-8, CP932 and EUC-JP", furthest)


def _marked_encoding(data: bytes) -> tuple[str, str] | None:
    """The encoding a file itself shows, and by what."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding, "by its byte order mark"
    first, second = data[:_SAMPLE_BYTES:2].count(0), data[1:_SAMPLE_BYTES:2].count(0)
    if _are_of_utf_16(first, second, len(data[:_SAMPLE_BYTES])):
        return "utf-16-be" if first > second else "utf-16-le", "by its zero bytes"
    if any(mark in data for mark in _ISO_2022):
        return "iso2022_jp_2", "by its escapes"
    return None


def _are_of_utf_16(first: int, second: int, size: int) -> bool:
    """Whether so many zeros, at first and at second places of pairs, are those of UTF-16.

    Japanese text has them for commas, figures and ends of lines only.
    """
    zeros = first + second
    is_lopsided = max(first, second) >= _LOPSIDED * min(first, second)
    return zeros > size // 4 or (zeros >= _ENOUGH_ZEROS and zeros * 100 > size and is_lopsided)


def _is_rather_euc(data: bytes, as_cp932: str) -> bool:
    """EUC-JP text often decodes as CP932, as rows of half-width kana."""
    half_width = len(re.findall("[\uff61-\uff9f]", as_cp932))
    japanese = len(_JAPANESE.findall(as_cp932))
    if half_width <= japanese:
        return False
    try:
        data.decode("euc_jp")
    except UnicodeDecodeError:
        return False
    return True


def _refuse_other_languages(text: str, encoding: str) -> None:
    """Texts of Europe and Korea often decode as Japanese, as words that nobody wrote.

    In those of Europe each "character" stands between Latin letters; those of Korea have neither
    kana nor the commonest kanji of a table.
    """
    runs = _FOREIGN.findall(text)
    between = sum(1 for run in runs if _BETWEEN_LETTERS.fullmatch(run))
    if runs and between > len(runs) / 2:
        raise UnreadableFile(
            "the letters with accents are not in UTF-8, but perhaps in Windows-1252 or ISO-8859",
            "save the file as 'CSV UTF-8'",
        )
    japanese = len(_JAPANESE.findall(text))
    if encoding == "euc_jp" and japanese >= _ENOUGH_TEXT and not _COMMON.search(text):
        raise UnreadableFile(
            "the text is no Japanese in EUC-JP: it may be Korean or Chinese",
            "save the file as 'CSV UTF-8'",
        )


def _undecodable(data: bytes, tried: str, error: UnicodeDecodeError) -> UnreadableFile:
    line = data.count(b"\n", 0, error.start) + 1
    return UnreadableFile(
        f"not valid as {tried}: byte {error.start + 1} (line {line}) is 0x{data[error.start]:02X}",
        "save the file as 'CSV UTF-8'; a part of it may have been pasted in another encoding",
    )


def _delimiter(text: str) -> str:
    sample = "\n".join(text[:200_000].splitlines()[:_SAMPLE_LINES])
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
