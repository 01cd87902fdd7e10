"""The directory a node keeps its data in."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

from broker.embedded.errors import EmbeddedServiceError


def prepare_data_directory(directory: Path) -> None:
    """Create the directory where it is missing, and see whether it can be written.

    Raises:
        EmbeddedServiceError: it cannot; the message says why and what to do.
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
