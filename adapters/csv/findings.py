"""What is worth telling about single cells and rows, gathered while a file is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark: the row of the spreadsheet, position of the column (from 0), the text found.

    `column` is None when the remark is about the row as a whole.
    """

    row: int
    column: int | None
    value: str
    reason: str
    remedy: str = ""


@dataclass(slots=True)
class RowFindings:
    """Remarks about the row that is being read."""

    row: int = 0
    repairs: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def repaired(self, column: int | None, value: str, repair: str) -> None:
        """A text was read after putting it right."""
        self.repairs.append(Finding(self.row, column, value, repair))

    def warn(self, column: int | None, value: str, reason: str, remedy: str = "") -> None:
        """A cell could not be read or looks wrong; the row is imported without it."""
        self.warnings.append(Finding(self.row, column, value, reason, remedy))

    def count(self) -> int:
        """How many remarks there are so far."""
        return len(self.repairs) + len(self.warnings)

    def __iter__(self) -> Iterator[Finding]:
        yield from self.repairs
        yield from self.warnings
