"""What is worth telling about single cells and rows, gathered while a file is read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Self

import orjson

from adapters.csv.scratch import ScratchFile, text_of

_IN_MEMORY: Final = 1_000


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


class FindingLog:
    """Findings in the order they came, as many as there are rows if need be.

    The first ones stay in memory, the others in a file.
    """

    def __init__(self) -> None:
        self._first: list[Finding] = []
        self._others: ScratchFile | None = None
        self._count = 0

    def append(self, finding: Finding) -> None:
        """Add one finding."""
        self._count += 1
        if len(self._first) < _IN_MEMORY:
            self._first.append(finding)
            return
        if self._others is None:
            self._others = ScratchFile()
        self._others.write(orjson.dumps(finding) + b"\n")

    def __iadd__(self, findings: Iterable[Finding]) -> Self:
        for finding in findings:
            self.append(finding)
        return self

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Finding]:
        return chain(self._first, self._written())

    def _written(self) -> Iterator[Finding]:
        if self._others is not None:
            for line in text_of(self._others):
                yield Finding(**orjson.loads(line))


@dataclass(slots=True)
class RowFindings:
    """Remarks about the row that is being read."""

    row: int = 0
    repairs: FindingLog = field(default_factory=FindingLog)
    warnings: FindingLog = field(default_factory=FindingLog)

    def repaired(self, column: int | None, value: str, repair: str) -> None:
        """A text was read after putting it right."""
        self.repairs.append(Finding(self.row, column, value, repair))

    def warn(self, column: int | None, value: str, reason: str, remedy: str = "") -> None:
        """A cell could not be read or looks wrong; the row is imported without it."""
        self.warnings.append(Finding(self.row, column, value, reason, remedy))

    def count(self) -> int:
        """How many remarks there are so far."""
        return len(self.repairs) + len(self.warnings)
