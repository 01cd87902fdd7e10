"""Files are copied before they are read, and only when nobody writes them meanwhile."""

import hashlib
import io
from pathlib import Path

import pytest

from adapters.csv.files import read_path
from adapters.runtime.errors import RetryLater


class SlowFile(io.FileIO):
    """A file of which something happens while it is read."""

    def __init__(self, path: Path, happens) -> None:
        super().__init__(path)
        self._happens = happens

    def read(self, size: int = -1) -> bytes:
        part = super().read(size)
        self._happens()
        return part


class SlowPath(type(Path())):
    happens = None

    def open(self, *_arguments, **_more):
        return SlowFile(self, self.happens)


def slow(path: Path, happens) -> SlowPath:
    found = SlowPath(path)
    found.happens = happens
    return found


def test_the_copy_is_that_of_the_file(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"abc\n" * 700_000)
    found = read_path(path, 10_000_000)
    found.content.seek(0)
    assert found.content.read() == path.read_bytes()
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_grows_while_it_is_read_is_left_for_later(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n")

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"1,2\n")

    with pytest.raises(RetryLater, match="written while it was read"):
        read_path(slow(path, grow), 1000)


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n")

    def replace() -> None:
        other = tmp_path / "other"
        other.write_bytes(b"c,d\n")
        other.replace(path)

    found = read_path(slow(path, replace), 1000)
    found.content.seek(0)
    assert found.content.read() == b"a,b\n"


def test_no_more_than_the_limit_is_copied(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a" * 5_000_000)
    found = read_path(path, 1000)
    assert found.content.seek(0, io.SEEK_END) == 1001
