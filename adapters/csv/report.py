"""What became of a file: found, mapped, put right, refused, written; also as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import orjson

from adapters.csv.findings import Finding, FindingLog
from adapters.csv.headers import column_letters

_LISTS: Final = ("rejected", "warnings", "repairs")


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column of the file and the attribute it feeds; None when it is kept in `otherColumns`."""

    column: str
    header: str
    attribute: str | None


@dataclass(slots=True)
class Totals:
    """Counts of rows by what became of them; `read` is the sum of the others.

    `superseded` rows are observations older than what the broker holds; `ignored` rows are notes,
    legends and totals of other rows; blank rows are not counted.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0
    ignored: int = 0


@dataclass(slots=True)
class FileReport:
    """Everything there is to say about one file.

    `outcome` is `imported`, `checked` (dry run) or `refused`; then `reason` and `remedy` say why.
    """

    file: str
    outcome: str = "refused"
    reason: str = ""
    remedy: str = ""
    encoding: str = ""
    delimiter: str = ""
    header_row: int = 0
    layout: str = ""
    layout_title: str = ""
    layout_reason: str = ""
    license: str = ""
    municipality: str = ""
    municipality_found_in: str = ""
    header: list[str] = field(default_factory=list)
    columns: list[ColumnUse] = field(default_factory=list)
    rows: Totals = field(default_factory=Totals)
    blank_rows: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    rejected: FindingLog = field(default_factory=FindingLog)
    warnings: FindingLog = field(default_factory=FindingLog)
    repairs: FindingLog = field(default_factory=FindingLog)
    remarks: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)

    @property
    def lost_everything(self) -> bool:
        """Whether the file was refused, or each of its rows rejected."""
        lost = self.rows.rejected > 0 and self.rows.rejected == self.rows.read - self.rows.ignored
        return self.outcome == "refused" or lost

    def refuse(self, reason: str, remedy: str) -> None:
        """Nothing of the file is imported."""
        self.outcome, self.reason, self.remedy = "refused", reason, remedy

    def summary(self) -> "FileReport":
        """The report without its findings, which may take room."""
        return replace(
            self, rejected=FindingLog(), warnings=FindingLog(), repairs=FindingLog(), vanished=[]
        )

    def place(self, finding: Finding) -> str:
        """Where a finding is, in the words of a spreadsheet: `row 12, column F (緯度)`."""
        if finding.column is None:
            return f"row {finding.row}"
        letters = column_letters(finding.column + 1)
        return f"row {finding.row}, column {letters} ({self._header(finding.column)})"

    def _header(self, column: int) -> str:
        return self.header[column] if column < len(self.header) else ""

    def json_parts(self) -> Iterator[bytes]:
        """The report as JSON; findings carry file, row, column letter and header name."""
        left_out = ("header", *_LISTS)
        plain = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name not in left_out
        }
        plain["columns"] = [asdict(use) for use in self.columns]
        plain["rows"] = asdict(self.rows)
        for name in ("entities", "types"):
            plain[name] = dict(plain[name])
        yield orjson.dumps(plain, option=orjson.OPT_INDENT_2).removesuffix(b"\n}")
        for name in _LISTS:
            yield f',\n  "{name}": ['.encode()
            for place, finding in enumerate(getattr(self, name)):
                found = orjson.dumps(self._finding_as_json(finding))
                yield (b",\n    " if place else b"\n    ") + found
            yield b"\n  ]"
        yield b"\n}"

    def _finding_as_json(self, finding: Finding) -> dict[str, Any]:
        place = finding.column
        found: dict[str, Any] = {"file": self.file, "row": finding.row}
        if place is not None:
            found |= {"column": column_letters(place + 1), "header": self._header(place)}
        found |= {"value": finding.value, "reason": finding.reason}
        return found | ({"remedy": finding.remedy} if finding.remedy else {})


def totals_of(reports: Iterable[FileReport]) -> Mapping[str, int]:
    """Rows of all files by what became of them."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(asdict(report.rows))
    return total


class ReportFile:
    """The reports of an import as one JSON file, written as they come.

    It is in its place when the block ends, also before its time: then it holds what was done. One
    of nothing takes no other's place.
    Raises `OSError` when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._rows: Counter[str] = Counter()
        self._count = 0

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        self._file.write(b'{"files": [')
        return self

    def add(self, report: FileReport) -> None:
        """Write one report."""
        self._file.write(b",\n" if self._count else b"\n")
        self._file.writelines(report.json_parts())
        self._rows.update(totals_of([report]))
        self._count += 1

    def __exit__(self, *exc: object) -> None:
        with self._file:
            totals = orjson.dumps(self._rows, option=orjson.OPT_INDENT_2)
            self._file.write(b'\n],\n"totals": ' + totals + b"}\n")
        if self._count:
            self._part.replace(self._path)
        else:
            self._part.unlink()
