"""From a reference (URL, object, array, nested to any depth) to the objects it stands for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import urldefrag, urljoin

import orjson

from broker.contexts.context import ContextReference
from broker.contexts.core import is_core_url
from broker.contexts.documents import HOSTED_PATH, ContextDocument
from broker.contexts.terms import LocalContext, build_table
from broker.model.errors import BadRequestData, LdContextNotAvailable

Load: TypeAlias = Callable[[str], Awaitable[ContextDocument]]
"""Returns the document of an absolute URL."""

_ABSOLUTE: Final = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """What one @context may consist of, everything it refers to included.

    `depth` counts references within references, `documents` the remote documents, `terms` the
    definitions (`inline_terms`: those in the request itself, which are not cached by URL);
    `seconds` is the time to get them all.
    """

    depth: int = 8
    documents: int = 32
    terms: int = 100_000
    inline_terms: int = 5_000
    seconds: float = 15.0


@dataclass(slots=True)
class FlatContext:
    """The objects an @context consists of, in order, without references among them.

    `sources` are the URLs they come from, `ids` the local identifiers of those in the store,
    `expires_at` the earliest expiry among them; `ends_with_core` says that the last reference was
    to the Core @context, which is itself not among `parts`.
    """

    parts: list[LocalContext] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    expires_at: datetime | None = None
    ends_with_core: bool = False
    term_count: int = 0


class Flattening:
    """Flattens one reference. `load` raises LdContextNotAvailable and BadRequestData."""

    def __init__(self, load: Load, limits: ContextLimits) -> None:
        self._load = load
        self._limits = limits
        self._flat = FlatContext()

    async def flatten(self, reference: ContextReference) -> FlatContext:
        """Return what a reference stands for.

        Raises BadRequestData for what JSON-LD does not allow, for cycles, and beyond the limits;
        LdContextNotAvailable if a document is not to be had.
        """
        if reference is not None:
            await self._add(reference, ())
        return self._flat

    async def _add(self, reference: Any, path: tuple[str, ...]) -> None:
        if isinstance(reference, str):
            await self._add_url(reference, path)
        elif isinstance(reference, dict):
            await self._add_object(reference, path)
        elif isinstance(reference, list):
            for member in reference:
                if isinstance(member, list):
                    raise BadRequestData(f"{_place(path)} has an array inside an array.")
                await self._add_member(member, path)
        else:
            raise BadRequestData(
                f"{_place(path)} is {_shown(reference)}; it has to be a URL, an object, or an"
                " array of these."
            )

    async def _add_member(self, member: Any, path: tuple[str, ...]) -> None:
        if member is None:
            self._flat.parts.append(None)
            self._flat.ends_with_core = False
        else:
            await self._add(member, path)

    async def _add_url(self, reference: str, path: tuple[str, ...]) -> None:
        url = _absolute(reference, path)
        if is_core_url(url):
            self._flat.ends_with_core = True
            return
        content = await self._content(url, path)
        await self._add_member(content, (*path, url))

    async def _content(self, url: str, path: tuple[str, ...]) -> Any:
        """Return the value of the `@context` member behind a URL."""
        if url in path:
            raise BadRequestData(
                f"The @context refers to itself: {' → '.join((*path[path.index(url) :], url))}."
            )
        if len(path) >= self._limits.depth:
            raise BadRequestData(
                f"The @context {path[0]} refers to others more than {self._limits.depth} levels"
                " deep."
            )
        flat = self._flat
        flat.sources.add(url)
        if len(flat.sources) > self._limits.documents:
            raise BadRequestData(
                f"The @context consists of more than {self._limits.documents} documents."
            )
        document = await self._loaded(url, path)
        if document.id is not None:
            flat.ids.add(document.id)
        if document.expires_at is not None:
            flat.expires_at = min(flat.expires_at or document.expires_at, document.expires_at)
        return orjson.loads(document.content)["@context"]

    async def _loaded(self, url: str, path: tuple[str, ...]) -> ContextDocument:
        try:
            return await self._load(url)
        except (LdContextNotAvailable, BadRequestData) as error:
            if not path:
                raise
            raise type(error)(f"{error.detail} It is referred to by {path[-1]}.") from error

    async def _add_object(self, definitions: dict[str, Any], path: tuple[str, ...]) -> None:
        if "@import" in definitions:
            definitions = await self._with_import(definitions, path)
        flat = self._flat
        flat.term_count += len(definitions)
        most = self._limits.terms if path else self._limits.inline_terms
        if flat.term_count > most:
            raise BadRequestData(
                f"{_place(path)} has more than {most} definitions. Large @contexts are given by"
                " their URL."
            )
        flat.parts.append(definitions)
        flat.ends_with_core = False

    async def _with_import(
        self, definitions: dict[str, Any], path: tuple[str, ...]
    ) -> dict[str, Any]:
        """Merge an imported @context: the definitions around the import win (JSON-LD 1.1)."""
        target = definitions["@import"]
        if not isinstance(target, str):
            raise BadRequestData(f"{_place(path)} has an @import that is not a URL.")
        imported = await self._content(_absolute(target, path), path)
        if not isinstance(imported, dict) or "@import" in imported:
            raise BadRequestData(
                f"{_place(path)} imports {target}, whose @context is not a single object without"
                " an import of its own."
            )
        own = {term: meaning for term, meaning in definitions.items() if term != "@import"}
        return {**imported, **own}


async def check_reference(reference: ContextReference, limits: ContextLimits) -> None:
    """Check an @context as far as that is possible without fetching what it refers to.

    Raises BadRequestData.
    """
    local = replace(limits, inline_terms=limits.terms)
    flat = await Flattening(_empty_document, local).flatten(reference)
    _ = await asyncio.to_thread(build_table, flat.parts)


async def _empty_document(_url: str) -> ContextDocument:
    return ContextDocument('{"@context":{}}')


def _absolute(reference: str, path: tuple[str, ...]) -> str:
    url = urldefrag(urljoin(path[-1], reference) if path else reference).url
    if _ABSOLUTE.fullmatch(url) or url.startswith(HOSTED_PATH):
        return url
    raise BadRequestData(
        f"{_place(path)} refers to {_shown(reference)}, which is not an absolute http(s) URL."
    )


def _place(path: tuple[str, ...]) -> str:
    return f"The @context in {path[-1]}" if path else "The @context"


def _shown(value: Any) -> str:
    return repr(value)[:200]
