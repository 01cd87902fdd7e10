"""The data directory is created, or it is said why it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.embedded.data_directory import prepare_data_directory
from broker.embedded.errors import EmbeddedServiceError


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
