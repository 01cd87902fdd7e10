"""The directory a node keeps its data in."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

from broker.embedded.errors import EmbeddedServiceError


def prepare_data_directory(directory: Path) -> None:
    """Create the directory where it is missing, and see whether it can be written.

    Raises:
        EmbeddedServiceError: it cannot, or something in it is another user's, as after a start
            by root; the message says why and what to do.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=directory, buffering=0) as trial:
            trial.write(b"trial")
    except OSError as error:
        raise EmbeddedServiceError(
            f"the data directory {directory} cannot be written: {error.strerror}. Make it one that "
            f"user {os.getuid()} can write to, or choose another place with --data or "
            "MUTSURA_DATA_DIRECTORY"
        ) from error
    strange = not_ours_in(directory)
    if strange is not None:
        raise EmbeddedServiceError(
            f"{strange} belongs to another user: {how_to_own(directory)}, or choose another "
            "place with --data or MUTSURA_DATA_DIRECTORY"
        )


def not_ours_in(directory: Path) -> Path | None:
    """Return something in the directory, at any depth, that this user cannot read and write."""
    for folder, folders, files in os.walk(directory):
        for name in folders + files:
            path = Path(folder, name)
            if not os.access(path, os.R_OK | os.W_OK) and _is_of_another_user(path):
                return path
    return None


def how_to_own(directory: Path) -> str:
    """Return the command that gives everything in the directory to this user."""
    return f"`sudo chown -R {os.getuid()} {directory}`"


def _is_of_another_user(path: Path) -> bool:
    try:
        return path.lstat().st_uid != os.getuid()
    except FileNotFoundError:  # a running node may remove what was just seen
        return False
