"""The data directory is created, or it is said why it cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from broker.embedded.data_directory import not_ours_in, prepare_data_directory
from broker.embedded.errors import EmbeddedServiceError

_NOBODY: Final = 65534


def test_it_is_created_and_left_empty(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    prepare_data_directory(directory)
    prepare_data_directory(directory)
    assert list(directory.iterdir()) == []


def test_what_is_no_directory_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(EmbeddedServiceError, match=r"file cannot be written: .* --data or MUTSURA"):
        prepare_data_directory(file)


def test_one_that_belongs_to_the_kernel_is_named() -> None:
    """Nobody creates files there, root included."""
    with pytest.raises(EmbeddedServiceError, match=r"/proc/1 cannot be written"):
        prepare_data_directory(Path("/proc/1"))


@pytest.fixture
def as_nobody() -> Iterator[None]:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    os.setresuid(_NOBODY, _NOBODY, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.fixture
def directory_of_nobody() -> Iterator[Path]:
    with TemporaryDirectory() as made:
        directory = Path(made)
        (directory / "mongodb").mkdir()
        (directory / "mongodb" / "WiredTiger.turtle").touch(0o600)
        if os.getuid() == 0:
            os.chown(directory, _NOBODY, -1)
            os.chown(directory / "mongodb", _NOBODY, -1)
        yield directory


def test_files_of_another_user_are_named_with_the_remedy(
    directory_of_nobody: Path,
    as_nobody: None,
) -> None:
    remedy = rf"turtle belongs to another user: `sudo chown -R {_NOBODY} {directory_of_nobody}`"
    with pytest.raises(EmbeddedServiceError, match=remedy):
        prepare_data_directory(directory_of_nobody)


def test_what_can_be_read_and_written_is_fine_whoever_owns_it(directory_of_nobody: Path) -> None:
    prepare_data_directory(directory_of_nobody)
    assert not_ours_in(directory_of_nobody) is None
