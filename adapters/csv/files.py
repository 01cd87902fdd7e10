"""Files and URLs to copies of our own: what is there, under which name, and whether it changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from adapters.csv.scratch import ScratchFile, told_when_full
from adapters.runtime.errors import RetryLater
from adapters.runtime.http_client import HttpClient, HttpLimits
from adapters.runtime.shown_url import shown_url

SUFFIXES: Final = (".csv", ".tsv", ".txt")
_PART_BYTES: Final = 1_000_000
_PATIENCE: Final = 600
_NAME_OF_DISPOSITION: Final = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A copy of a file and the name it goes by; `validators` are those of HTTP caching."""

    name: str
    content: ScratchFile
    digest: str
    validators: dict[str, str]
    facilities: ScratchFile | None = None


_ADVICE: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((404, 410), "look for the file's new address on the publisher's page")
    | dict.fromkeys((401, 403, 407), "fetch it with a browser and import the file")
)


async def fetch(
    url: str, http: HttpClient, validators: dict[str, str], max_bytes: int
) -> FoundFile | None:
    """Fetch a file, None when it is not modified. Raises `RetryLater` for a server error."""
    headers = {
        header: value
        for header, member in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
        if (value := validators.get(member))
    }
    content = _Copy(max_bytes)
    answer = await http.download(
        url, content.add, headers=headers, limits=HttpLimits(_PATIENCE, body_bytes=max_bytes)
    )
    if answer.status == 304:
        return None
    if answer.status != 200:
        advice = _ADVICE.get(answer.status, "try again later")
        raise RetryLater(
            f"{shown_url(url)} answered {answer.status}; {advice}", after=answer.retry_after
        )
    kept = {
        name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers
    }
    name = _name_of(answer.url, answer.headers.get("content-disposition", ""))
    return FoundFile(name, content.file, content.digest(), kept)


def _name_of(url: str, disposition: str) -> str:
    if stated := _NAME_OF_DISPOSITION.search(disposition):
        return unquote(stated[1]).strip()
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or url


class _Copy:
    """A copy as it is made, of at most one byte more than allowed."""

    def __init__(self, max_bytes: int) -> None:
        self.file = ScratchFile()
        self._digest = hashlib.sha256()
        self._left = max_bytes + 1

    def add(self, part: bytes) -> bool:
        """Add a part; return whether there may be more."""
        kept = part[: self._left]
        with told_when_full():
            self.file.write(kept)
        self._digest.update(kept)
        self._left -= len(kept)
        return self._left > 0

    def digest(self) -> str:
        return self._digest.hexdigest()


def read_path(path: Path, max_bytes: int) -> FoundFile:
    """Copy a file, and the list of facilities beside it.

    Raises `RetryLater` if that fails, or if somebody writes the file meanwhile.
    """
    try:
        content = _copied(path, max_bytes)
        facilities = _facilities_beside(path, max_bytes)
    except OSError as error:
        raise RetryLater(f"cannot read {path}: {error.strerror}") from error
    return FoundFile(path.name, content.file, content.digest(), {}, facilities)


def _copied(path: Path, max_bytes: int) -> _Copy:
    copy = _Copy(max_bytes)
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        while (part := file.read(_PART_BYTES)) and copy.add(part):
            pass
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RetryLater(f"{path} was written while it was read; import it when it is complete")
    return copy


def _facilities_beside(path: Path, max_bytes: int) -> ScratchFile | None:
    """The list of facilities in the same folder, `{code}_facility.csv`."""
    code = path.name[:6]
    beside = path.with_name(f"{code}_facility.csv")
    if not code.isdigit() or beside == path or not beside.is_file():
        return None
    return _copied(beside, max_bytes).file
