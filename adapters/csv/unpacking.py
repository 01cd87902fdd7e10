"""From the bytes of a file to those of a text: out of its archive, and nothing that is no text."""

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from adapters.csv.scratch import ScratchFile
from adapters.csv.unreadable import UnreadableFile

_WHITE: Final = b" \t\r\n\xef\xbb\xbf\xfe\xff\0"
_SAMPLE_BYTES: Final = 20_000
PART_BYTES: Final = 1_000_000


def unpack(source: IO[bytes], max_bytes: int) -> IO[bytes]:
    """Return the file, or the one table of the archive it is.

    Raises `UnreadableFile` for what is no text table, empty or too large.
    """
    if source.seek(0, os.SEEK_END) > max_bytes:
        raise UnreadableFile(
            f"the file has more than the limit of {max_bytes:,} bytes",
            "split the file, or raise max_bytes in the settings",
        )
    if not any(part.strip(_WHITE) for part in parts_of(source)):
        raise UnreadableFile("the file is empty", "export the table again")
    if head_of(source).startswith(b"PK\x03\x04"):
        source = _only_table_of_archive(source, max_bytes)
    if head_of(source).startswith(b"\x1f\x8b"):
        source = _unpacked(source, max_bytes)
    _refuse_other_formats(head_of(source))
    return source


def parts_of(source: IO[bytes]) -> Iterator[bytes]:
    """The bytes from the beginning, a part at a time."""
    source.seek(0)
    while part := source.read(PART_BYTES):
        yield part


def head_of(source: IO[bytes]) -> bytes:
    """The first bytes, as many as tell what a file is."""
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
    while part := packed.read(PART_BYTES):
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
