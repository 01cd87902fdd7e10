"""A progress bar on a terminal, silence elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Advance = Callable[[str, int, int], None]
"""Called with what is going on, how much is done and how much there is."""


@contextmanager
def progress_bar(stream: TextIO, name: str) -> Iterator[Advance]:
    """Show a bar for one file while the block runs, if the stream is a terminal."""
    if not stream.isatty():
        yield lambda _what, _done, _total: None
        return
    # only here: rich takes a twentieth of a second to import, and scripts see no bar
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def advance(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{name}: {what}", completed=done, total=total)

        yield advance
