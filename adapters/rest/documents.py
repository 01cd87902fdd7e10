"""The partner's documents: fetched when they are due, only if they changed, and kept on disk.

The body is kept in the adapter's folder and its validators (ETag, Last-Modified) and hash in a
checkpoint. After a restart an unchanged document is read from disk instead of being fetched again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from yarl import URL

from adapters.rest.mapping import RecordMapping
from adapters.rest.pages import Pages
from adapters.rest.settings import Settings, SourceSettings, SourceSpec
from adapters.runtime.context import AdapterContext
from adapters.runtime.errors import RetryLater
from adapters.runtime.http_client import Fetched, HttpLimits
from adapters.runtime.shown_url import shown_url

UNCHANGED = 304


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a document: where it was, its validators, hash, and when it was asked for.

    `asked` is in seconds of the wall clock.
    """

    url: str = ""
    etag: str | None = None
    last_modified: str | None = None
    hash: str = ""
    asked: float = 0.0

    def conditions(self) -> dict[str, str]:
        """Return the headers of a conditional request (RFC 9110, section 13.1)."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value}


class Documents:
    """The documents of one mapping; `refresh` brings them up to date."""

    def __init__(self, context: AdapterContext[Settings], mapping: RecordMapping) -> None:
        self._context = context
        self._mapping = mapping
        self._specs = {
            name: merged(spec, context.settings.sources.get(name))
            for name, spec in mapping.spec.sources.items()
        }
        self._limits = HttpLimits(
            timeout=context.settings.timeout, body_bytes=context.settings.largest_body
        )
        self._pages = {
            name: Pages(spec.pages, name=name)
            for name, spec in self._specs.items()
            if spec.pages is not None
        }
        self._kept: dict[str, Kept] = {}
        self.documents: dict[str, Any] = {"adapter": context.name}

    async def restore(self) -> None:
        """Read what an earlier run kept."""
        for name in self._specs:
            kept = await self._context.checkpoints.get(f"source:{name}")
            body = await asyncio.to_thread(_read, self._path(name))
            if kept is None or body is None or hashlib.sha256(body).hexdigest() != kept["hash"]:
                continue
            self._kept[name] = Kept(**kept)
            self.documents[name] = self._parsed(name, body)

    async def refresh(self, now: float) -> str:
        """Fetch what is due at `now` (seconds) and return the hash of all documents together.

        Raises `RetryLater` when the partner does not answer, `SkipRecord` for an answer that
        cannot be used.
        """
        for name, spec in self._specs.items():
            kept = self._kept.get(name, Kept())
            url = self._mapping.url(name, self.documents, template=spec.url)
            if name in self.documents and url == kept.url and now - kept.asked < spec.every:
                continue
            await self._fetch(name, spec, replace(kept, url=url), now, known=url == kept.url)
        together = "".join(self._kept[name].hash for name in self._specs)
        return hashlib.sha256(together.encode()).hexdigest()

    async def _fetch(
        self, name: str, spec: SourceSpec, kept: Kept, now: float, *, known: bool
    ) -> None:
        if name in self._pages:
            await self._take(name, replace(kept, asked=now), await self._all_pages(name, kept.url))
            return
        conditions = kept.conditions() if known and name in self.documents else {}
        answer = await self._ask(spec, kept.url, conditions)
        if answer.status == UNCHANGED and conditions:
            await self._keep(name, replace(kept, asked=now))
            return
        _expect_document(answer, kept.url)
        validators = replace(
            kept,
            asked=now,
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
        )
        await self._take(name, validators, answer.body)

    async def _ask(self, spec: SourceSpec, url: str, headers: Mapping[str, str]) -> Fetched:
        self._context.health.count("requests")
        return await self._context.http.fetch(
            url,
            method=spec.method,
            headers={**spec.headers, **headers},
            body=None if spec.body is None else spec.body.encode(),
            limits=self._limits,
        )

    async def _all_pages(self, name: str, first: str) -> bytes:
        spec = self._specs[name]
        stranger = replace(spec, headers={})

        async def ask(url: str) -> Fetched:
            return await self._ask(spec if _host(url) == _host(first) else stranger, url, {})

        def parse(answer: Fetched) -> Any:
            _expect_document(answer, answer.url)
            return self._parsed(name, answer.body)

        document = await self._pages[name].joined(
            first, ask, parse, most_bytes=self._limits.body_bytes
        )
        return await asyncio.to_thread(orjson.dumps, document)

    async def _take(self, name: str, kept: Kept, body: bytes) -> None:
        """Make a body that was fetched the document, if it is another one than before."""
        digest = hashlib.sha256(body).hexdigest()
        if digest != kept.hash or name not in self.documents:
            self.documents[name] = self._parsed(name, body)
            await asyncio.to_thread(_write, self._path(name), body)
        await self._keep(name, replace(kept, hash=digest))

    async def _keep(self, name: str, kept: Kept) -> None:
        self._kept[name] = kept
        await self._context.checkpoints.set(
            f"source:{name}",
            {
                "url": kept.url,
                "etag": kept.etag,
                "last_modified": kept.last_modified,
                "hash": kept.hash,
                "asked": kept.asked,
            },
        )

    def _path(self, name: str) -> Path:
        return self._context.data / f"{name}.body"

    def _parsed(self, name: str, body: bytes) -> Any:
        if self._specs[name].format == "text":
            return body.decode("utf-8", "replace").strip()
        try:
            return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            start = body[:80].decode("utf-8", "replace")
            raise RetryLater(f"{name} is not JSON ({error}); it begins with {start!r}") from error


def _host(url: str) -> tuple[str, str | None, int | None]:
    found = URL(url)
    return found.scheme, found.host, found.port


def merged(spec: SourceSpec, given: SourceSettings | None) -> SourceSpec:
    """Return what the mapping says of a source with what the settings say instead."""
    if given is None:
        return spec
    return replace(
        spec,
        url=given.url or spec.url,
        every=spec.every if given.every is None else given.every,
        method=given.method or spec.method,
        body=given.body or spec.body,
        headers={**spec.headers, **given.headers},
        pages=given.pages or spec.pages,
    )


def _expect_document(answer: Fetched, url: str) -> None:
    if answer.status == 200:
        return
    hint = {
        401: "; check the key in `headers`",
        403: "; check the key in `headers`",
        404: "; check the address",
        429: "; it asks for fewer requests: raise `every`",
    }.get(answer.status, "")
    raise RetryLater(f"{shown_url(url)} answered {answer.status}{hint}", after=answer.retry_after)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _write(path: Path, body: bytes) -> None:
    """Replace a file so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
