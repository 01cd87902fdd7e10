"""Settings of the csv adapter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adapters.csv.decoding import MAX_BYTES
from adapters.runtime.settings import Seconds, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One file, folder of files, or URL."""

    path: Path | None = setting(None, help="a CSV file, or a folder whose CSV files are imported")
    url: str = setting("", help="address of a CSV file, instead of a path")
    municipality: str = setting("", help="six-digit code, when the file does not say it")
    mapping: Path | None = setting(None, help="mapping file (TOML) for a layout of your own")
    type: str = setting("", help="entity type, when the columns do not tell it")
    license: str = setting("", help="licence of the data, kept with every entity")
    attribution: str = setting("", help="who is to be named as the provider of the data")
    vanished: Literal["ignore", "report", "end"] = setting(
        "ignore",
        help="what to do about entities of the same type and municipality that are not in the "
        "file: only when the file is the complete list; 'end' marks them with endedAt",
    )

    def __post_init__(self) -> None:
        if (self.path is None) == (not self.url):
            raise ValueError("give either path or url")

    @property
    def key(self) -> str:
        """What the checkpoint of this source is kept under."""
        return self.url or str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is imported, how often, and where reports go."""

    sources: list[SourceSettings] = setting(help="what to import")
    every: Seconds = setting(
        0.0, help="time between two looks at the sources; 0 looks once and ends"
    )
    most_rejected: float = setting(
        0.5, help="share of rows that may be rejected before the whole file is refused"
    )
    max_bytes: int = setting(MAX_BYTES, help="largest file that is read, in bytes")
    reports: Path | None = setting(
        None, help="folder for the reports (JSON); the adapter's data folder when not set"
    )
