"""A child is started again when it ends by itself, and ends when it is told to."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGKILL

import psutil
import pytest

from broker.supervisor.child import Child, Ended, Program


@contextmanager
def _running(code: str, *, grace: float = 5.0, may_finish: bool = False) -> Iterator[Child]:
    program = Program("sample", (sys.executable, "-c", code), grace, may_finish)
    child = Child(program, dict(os.environ))
    child.start()
    yield child
    child.signal()
    child.join(time.monotonic() + grace)


def _tend_until_ended(child: Child) -> Ended:
    while True:
        ended = child.tend()
        if ended is not None:
            return ended
        time.sleep(0.01)


def _tend_until_running(child: Child) -> int:
    while child.pid is None:
        child.tend()
        time.sleep(0.01)
    return child.pid


def test_a_killed_child_is_started_again_at_once() -> None:
    with _running("import time; time.sleep(60)") as child:
        first = _tend_until_running(child)
        os.kill(first, SIGKILL)
        assert _tend_until_ended(child) == Ended(first, -SIGKILL)
        assert _tend_until_running(child) != first


def test_a_child_that_keeps_failing_is_started_with_growing_pauses() -> None:
    with _running("raise SystemExit(3)") as child:
        starts = []
        for _ in range(4):
            assert _tend_until_ended(child).code == 3
            starts.append(time.monotonic())
        pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[1] >= 0.1
    assert pauses[2] >= 0.2


def test_a_child_that_ran_for_a_while_is_started_again_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("broker.supervisor.child.STEADY_AFTER", 0.0)
    with _running("raise SystemExit(3)") as child, caplog.at_level("WARNING"):
        for _ in range(3):
            _tend_until_ended(child)
    assert [record.getMessage() for record in caplog.records] == [
        "sample ended with code 3 and is started again in 0.0 s"
    ] * 3


def test_a_child_that_may_finish_is_left_alone() -> None:
    with _running("pass", may_finish=True) as child:
        while child.pid is not None:
            time.sleep(0.01)
        for _ in range(20):
            assert child.tend() is None
        assert child.pid is None


def test_a_child_that_does_not_end_is_killed() -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(); time.sleep(60)"
    with _running(stubborn, grace=0.5) as child:
        process = psutil.Process(_tend_until_running(child))
        time.sleep(0.3)
    assert not process.is_running()
