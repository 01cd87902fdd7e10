"""Commands that other packages add to `mutsura` (entry-point group `mutsura.commands`)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, TypeAlias

GROUP: Final = "mutsura.commands"
_PROJECT_FILE: Final = Path(__file__).resolve().parents[1] / "pyproject.toml"

Command: TypeAlias = Callable[[list[str]], int]
"""Takes the words after the command's name and returns the exit code."""


def added_commands() -> dict[str, EntryPoint]:
    """Return the commands by name: those installed, and those of a plain checkout."""
    found = {one.name: one for one in entry_points(group=GROUP)}
    return found | {one.name: one for one in _of_checkout()}


def load_command(entry: EntryPoint) -> Command:
    """Import and return a command."""
    command: Command = entry.load()
    return command


def _of_checkout() -> list[EntryPoint]:
    if not _PROJECT_FILE.is_file():
        return []
    project = tomllib.loads(_PROJECT_FILE.read_text(encoding="utf-8")).get("project", {})
    declared = project.get("entry-points", {}).get(GROUP, {})
    return [EntryPoint(name, value, GROUP) for name, value in declared.items()]
