"""Files of our own for what grows with a table: they take no memory, and are gone when closed.

They lie in the folder for temporary files (`TMPDIR`), nameless, so that nothing is left behind
however the process ends. What is small stays in memory.
"""

import io
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, TextIO

from adapters.runtime.errors import RetryLater

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_IN_MEMORY: Final = 1_000_000
_READ_AHEAD: Final = 262_144


class ScratchFile(tempfile.SpooledTemporaryFile[bytes]):
    """Bytes that are written once and read as often as needed."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(max_size=_IN_MEMORY)
        self.write(data)

    def __del__(self) -> None:
        self.close()


class _Reader(io.RawIOBase):
    """Reads a file from its beginning, whoever else reads it meanwhile in the same thread."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        self._file.seek(self._at)
        part = self._file.read(len(view))
        view[: len(part)] = part
        self._at += len(part)
        return len(part)


def text_of(file: IO[bytes]) -> TextIO:
    """The UTF-8 text of a file from its beginning, line ends as they are."""
    return io.TextIOWrapper(io.BufferedReader(_Reader(file), _READ_AHEAD), "utf-8", newline="")


@contextmanager
def told_when_full() -> Iterator[None]:
    """Say what to do when there is no room for temporary files. Raises `RetryLater`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise RetryLater(
            f"cannot keep what was read in temporary files: {error}; free space in "
            f"{tempfile.gettempdir()}, or set TMPDIR to a folder with more of it"
        ) from error
