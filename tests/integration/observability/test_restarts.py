"""The supervisor's counts of restarts outlive a disk that takes none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from broker.observability.processes import Restarts


def test_counts_that_could_not_be_written_are_in_the_next_file(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    directory.mkdir()
    restarts = Restarts(directory)
    shutil.rmtree(directory)
    restarts.add("worker 1")
    directory.mkdir()
    restarts.add("worker 0")
    assert json.loads((directory / "restarts.json").read_text()) == {"worker": 2}
