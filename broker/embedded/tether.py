"""Start a program that ends when the process that started it ends, however that happens.

`python tether.py SIGNAL PARENT_PID COMMAND…` asks the kernel to send SIGNAL to this process when
its parent dies (`PR_SET_PDEATHSIG`, kept across exec) and becomes COMMAND. A program started by
`tethered` therefore survives no `kill -9` of the supervisor. It is a program of its own, because
code between fork and exec is not safe in a process with threads. Elsewhere than on Linux the
command runs without the tether.

The program may open as many files as the system lets it: a shell's 1,024 are used up by a mongod
with 20 to 50 tenants (18 to 48 files each), which then aborts.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MOST_FILES = 1 << 20
"""More than any of the programs needs; some go through all numbers there could be."""


def tethered(command: list[str], *, ending: signal.Signals = signal.SIGKILL) -> list[str]:
    """Return the command line that runs `command` tied to the life of this process."""
    here = str(Path(__file__).resolve())
    return [sys.executable, "-I", "-S", here, str(int(ending)), str(os.getpid()), *command]


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the command."""
    ending, parent, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, ending, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew of the tie
            sys.exit(1)
    _allow_files()
    os.execvp(command[0], command)  # noqa: S606 - becoming the given command is the purpose


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
