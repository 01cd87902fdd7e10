"""From the bytes of a file to its text and the delimiter of its cells."""

import csv
import io
import os
from collections import Counter
from dataclasses import dataclass
from typing import IO, Final, TextIO

from adapters.csv.encoding import text_in
from adapters.csv.scratch import ScratchFile, text_of
from adapters.csv.unpacking import unpack

MAX_BYTES: Final = 500_000_000
_DELIMITERS: Final = (",", "\t", ";", "|")
_SAMPLE_CHARACTERS: Final = 200_000
_SAMPLE_LINES: Final = 60


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


def decode(source: IO[bytes], *, max_bytes: int = MAX_BYTES) -> DecodedText:
    """Decode a file. Raises `UnreadableFile` for what is no text table, empty or too large."""
    found = text_in(unpack(source, max_bytes))
    delimiter = _delimiter(text_of(found.file))
    return DecodedText(found.file, found.encoding, delimiter, found.has_formulas)


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
