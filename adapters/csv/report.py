"""What became of a file: found, mapped, put right, refused, written; also as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from adapters.csv.findings import Finding
from adapters.csv.headers import column_letters


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
    rejected: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    repairs: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)

    def refuse(self, reason: str, remedy: str) -> None:
        """Nothing of the file is imported."""
        self.outcome, self.reason, self.remedy = "refused", reason, remedy

    def place(self, finding: Finding) -> str:
        """Where a finding is, in the words of a spreadsheet: `row 12, column F (緯度)`."""
        if finding.column is None:
            return f"row {finding.row}"
        letters = column_letters(finding.column + 1)
        return f"row {finding.row}, column {letters} ({self._header(finding.column)})"

    def _header(self, column: int) -> str:
        return self.header[column] if column < len(self.header) else ""

    def as_json(self) -> dict[str, Any]:
        """The report as JSON; findings carry file, row, column letter and header name."""
        plain = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "header"
        }
        plain["columns"] = [asdict(use) for use in self.columns]
        plain["rows"] = asdict(self.rows)
        for name in ("entities", "types"):
            plain[name] = dict(plain[name])
        for name in ("rejected", "warnings", "repairs"):
            plain[name] = [self._finding_as_json(finding) for finding in plain[name]]
        return plain

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
