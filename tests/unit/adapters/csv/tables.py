"""Small tables as tests write them, imported the way a file is."""

import csv
import io
from collections.abc import Sequence

from adapters.csv.importing import ImportOptions, ReadFile, read_file
from adapters.csv.scratch import ScratchFile


def csv_bytes(rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> bytes:
    """A CSV file of these rows."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def imported(rows: Sequence[Sequence[str]], name: str = "222127_x.csv", **options) -> ReadFile:
    """What becomes of a file of these rows."""
    return imported_bytes(csv_bytes(rows), name, **options)


def imported_bytes(data: bytes, name: str, **options) -> ReadFile:
    """What becomes of a file."""
    if "facilities" in options:
        options["facilities"] = ScratchFile(options["facilities"])
    return read_file(ScratchFile(data), name, ImportOptions(**options))


def entities(read: ReadFile) -> list[dict]:
    """The entities of a file that was not refused."""
    assert read.mapped is not None, (read.report.reason, read.report.rejected)
    return [mapped.entity for mapped in read.mapped.entities]


AED = [
    "市区町村コード",
    "NO",
    "名称",
    "住所",
    "緯度",
    "経度",
    "設置位置",
    "小児対応設備の有無",
    "備考",
]


def aed(
    number: str, name: str = "市役所", place: str = "1階", flag: str = "有", **more: str
) -> list[str]:
    """A row of an AED list."""
    return [
        more.get("code", "222127"), number, name, more.get("address", "静岡県焼津市本町2-16-32"),
        more.get("north", "34.866918"), more.get("east", "138.323171"), place, flag,
        more.get("note", ""),
    ]  # fmt: skip
