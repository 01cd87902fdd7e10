"""What several processes count is added up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from broker.observability import metrics

_COUNT = "from broker.observability import metrics; metrics.FEED_CHANGES.inc(2)"
_COUNT_AND_SHOW = f"{_COUNT}; print(metrics.exposition().decode())"
_COUNT_ON = f"{_COUNT}; input()"
_GAUGE = "from broker.observability import metrics; metrics.COMMIT_QUEUE.set(5); input()"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(metrics.DIRECTORY_VARIABLE, str(tmp_path))
    metrics.prepare_directory(tmp_path)
    return tmp_path


def _line(name: str) -> str:
    lines = metrics.exposition().decode().splitlines()
    return next((line for line in lines if line.startswith(f"{name} ")), "")


def test_counters_of_ended_processes_stay(directory: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", _COUNT], check=True)
    assert _line("mutsura_feed_changes_total") == "mutsura_feed_changes_total 4.0"


def test_a_process_shows_what_it_has_counted_itself_at_once(directory: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", _COUNT_AND_SHOW], check=True, capture_output=True, text=True
    )
    assert "mutsura_feed_changes_total 2.0" in shown.stdout.splitlines()


def test_what_a_running_process_has_counted_is_soon_to_be_seen(directory: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _COUNT_ON], stdin=subprocess.PIPE) as child:
        while _line("mutsura_feed_changes_total") != "mutsura_feed_changes_total 2.0":
            assert child.poll() is None
            time.sleep(0.05)
        child.communicate(b"\n")


def test_gauges_of_ended_processes_go(directory: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _GAUGE], stdin=subprocess.PIPE) as child:
        while not _line("mutsura_commit_queue").endswith("5.0"):
            assert child.poll() is None
        child.communicate(b"\n")
        metrics.forget_process(child.pid)
    assert _line("mutsura_commit_queue") == ""


def test_a_new_start_counts_from_nothing(directory: Path) -> None:
    subprocess.run([sys.executable, "-c", _COUNT], check=True)
    metrics.prepare_directory(directory)
    assert _line("mutsura_feed_changes_total") == ""
    assert os.environ[metrics.DIRECTORY_VARIABLE] == str(directory)
