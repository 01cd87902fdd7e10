"""The command line: finds who knows the command, and reports what ends it early."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from broker.commands import added_commands, load_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command.

    Returns the exit code: 0 done, 1 a failure that was reported, 2 a wrong command line, 78 a
    configuration that cannot work.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _tolerate_any_terminal()
    try:
        Path.cwd()
    except FileNotFoundError:
        sys.stderr.write("mutsura: the working directory is gone; go to one that is there\n")
        return 1
    try:
        others = added_commands()
        if words and words[0] in others:
            return load_command(others[words[0]])(words[1:])
        # only here: the settings of the broker take a tenth of a second to import
        from broker.own_commands import run_own_command  # noqa: PLC0415

        return run_own_command(words, sorted(others))
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _tolerate_any_terminal() -> None:
    """Show what the terminal's encoding does not have (kanji in latin-1, say) as `\\u6728`."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
