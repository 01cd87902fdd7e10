"""A process can tell of another one on its machine that it has ended."""

from __future__ import annotations

import os
import subprocess
import sys

from broker.owner import is_gone, this_process


def name_of(process_id: int) -> str:
    here = this_process().rsplit(" ", 2)[0]
    return f"{here} {process_id} 01234567"


def test_it_itself_and_a_living_one_are_not_gone() -> None:
    assert not is_gone(this_process())
    assert not is_gone(name_of(os.getppid()))


def test_one_that_has_ended_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_gone(name_of(ended.pid))


def test_an_earlier_one_with_the_same_number_is_gone() -> None:
    assert is_gone(name_of(os.getpid()))


def test_nothing_is_known_of_other_machines() -> None:
    assert not is_gone("elsewhere pid:[1] 1 01234567")
    assert not is_gone("nonsense")
