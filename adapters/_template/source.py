"""Follows a file: the position is stored after the broker has committed what stands before it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from adapters._template.mapping import entity_of
from adapters._template.settings import Settings
from adapters.runtime.context import AdapterContext
from adapters.runtime.errors import RetryLater, SkipRecord

LONGEST_READ = 1_000_000
POSITION = "position"


async def run(context: AdapterContext[Settings]) -> None:
    """Read until cancelled; raises `RetryLater` when the file cannot be read."""
    position: int = await context.checkpoints.get(POSITION) or 0
    while True:
        lines = await asyncio.to_thread(_read, context.settings, position)
        await asyncio.gather(*(_store(line, context) for line in lines))
        if lines:
            position += sum(len(line) for line in lines)
            await context.checkpoints.set(POSITION, position)
        else:
            await asyncio.sleep(context.settings.every)


async def _store(line: bytes, context: AdapterContext[Settings]) -> None:
    try:
        entity = entity_of(line)
    except SkipRecord as error:
        await context.intake.refuse(error.detail, record=line)
    else:
        await context.intake.store(entity, record=line)


def _read(settings: Settings, position: int) -> list[bytes]:
    """Return the next complete lines; a line that is still being written waits."""
    try:
        text = _part(settings.path, position)
    except OSError as error:
        raise RetryLater(f"cannot read {settings.path}: {error.strerror}") from error
    if len(text) == LONGEST_READ and b"\n" not in text:
        return [text]  # no line is that long: it becomes a dead letter, and the file goes on
    lines = text.splitlines(keepends=True)[: settings.lines_at_once]
    return [line for line in lines if line.endswith(b"\n")]


def _part(path: Path, position: int) -> bytes:
    with path.open("rb") as file:
        file.seek(position)
        return file.read(LONGEST_READ)
