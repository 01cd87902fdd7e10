"""Files and URLs to bytes: what is there, under which name, and whether it changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from adapters.runtime.errors import RetryLater
from adapters.runtime.http_client import HttpClient, HttpLimits

SUFFIXES: Final = (".csv", ".tsv", ".txt")
_NAME_OF_DISPOSITION: Final = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """The bytes of a file and the name it goes by; `validators` are those of HTTP caching."""

    name: str
    data: bytes
    validators: dict[str, str]
    facilities: bytes | None = None


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
    answer = await http.fetch(
        url, headers=headers, limits=HttpLimits(timeout=120, body_bytes=max_bytes)
    )
    if answer.status == 304:
        return None
    if answer.status != 200:
        advice = _ADVICE.get(answer.status, "try again later")
        raise RetryLater(f"{url} answered {answer.status}; {advice}", after=answer.retry_after)
    kept = {
        name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers
    }
    return FoundFile(
        _name_of(answer.url, answer.headers.get("content-disposition", "")), answer.body, kept
    )


def _name_of(url: str, disposition: str) -> str:
    if stated := _NAME_OF_DISPOSITION.search(disposition):
        return unquote(stated[1]).strip()
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or url


def read_path(path: Path, max_bytes: int) -> FoundFile:
    """Read a file, and the list of facilities beside it. Raises `RetryLater` if that fails."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
        return FoundFile(path.name, data, {}, _facilities_beside(path, max_bytes))
    except OSError as error:
        raise RetryLater(f"cannot read {path}: {error.strerror}") from error


def _facilities_beside(path: Path, max_bytes: int) -> bytes | None:
    """The list of facilities in the same folder, `{code}_facility.csv`."""
    code = path.name[:6]
    beside = path.with_name(f"{code}_facility.csv")
    if not code.isdigit() or beside == path or not beside.is_file():
        return None
    with beside.open("rb") as file:
        return file.read(max_bytes)
