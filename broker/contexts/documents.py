"""Where the document behind an @context URL comes from.

In this order: what is preloaded, what this broker hosts itself, the cache in the store, the
network. A document is fetched once for all requests that wait for it, and what is in the cache is
used until a newer one has arrived: no request waits for a refresh (clauses 5.13.1, 6.3.16).
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.contexts.fetching import ContextFetcher, FetchedContext
from broker.contexts.sharing import SharedWork
from broker.model.clock import Clock, format_time
from broker.model.errors import BadRequestData, LdContextNotAvailable, NgsiLdError
from broker.storage.contexts import ContextStore, StoredContext, cached_id

log = logging.getLogger(__name__)

HOSTED_PATH: Final = "/ngsi-ld/v1/jsonldContexts/"
_HOSTED: Final = re.compile(
    r"(?:https?://[^/?#]+)?" + re.escape(HOSTED_PATH) + r"(?P<id>[0-9a-f-]{36})/?"
)
_FAILURE_SECONDS: Final = 5.0
_FAILURES_REMEMBERED: Final = 1_000
_RETRY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ContextDocument:
    """The JSON text of an object with the member `@context`, and where it was found.

    `id` is its local identifier (None: preloaded), `expires_at` the time after which a newer one
    is to be fetched (None: never).
    """

    content: str
    id: str | None = None
    expires_at: datetime | None = None


class ContextLibrary:
    """Finds the documents of @context URLs for a tenant."""

    def __init__(
        self,
        store: ContextStore,
        fetcher: ContextFetcher,
        *,
        clock: Clock,
        preloaded: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._clock = clock
        self._preloaded = dict(preloaded or {})
        self._fetches: SharedWork[StoredContext] = SharedWork("fetch an @context")
        self._failures: OrderedDict[str, tuple[float, NgsiLdError]] = OrderedDict()

    def is_preloaded(self, url: str) -> bool:
        """Say whether a URL is served from a file of the installation."""
        return url in self._preloaded

    async def document(self, tenant: str, url: str) -> ContextDocument:
        """Return the document of a URL.

        Raises LdContextNotAvailable or BadRequestData (clause 5.5.6), and DatabaseUnavailable.
        """
        if url in self._preloaded:
            return ContextDocument(self._preloaded[url])
        hosted = hosted_id(url)
        if hosted is not None:
            stored = await self._store.fetch(tenant, hosted)
            if stored is not None and stored.kind != "Cached":
                return ContextDocument(stored.content, stored.id)
            if url.startswith("/"):
                raise LdContextNotAvailable(f"This broker hosts no @context {url}.")
        stored = await self._store.fetch(tenant, cached_id(tenant, url))
        return _document(stored or await self._fetched(tenant, url))

    async def refresh(self, tenant: str, url: str) -> str | None:
        """Ask for a newer document of a cached URL whose time is over.

        Returns the local identifier if the document has changed. Never raises because of the
        remote side: what is cached stays in use.
        """
        stored = await self._store.fetch(tenant, cached_id(tenant, url))
        if stored is None or stored.kind != "Cached" or not self._is_over(stored):
            return None
        if not await self._store.postpone(stored, self._after(_RETRY)):
            return None
        try:
            fetched = await self._fetcher.fetch(
                url, etag=stored.etag, last_modified=stored.last_modified
            )
        except (LdContextNotAvailable, BadRequestData) as error:
            log.warning(
                "an @context could not be refreshed; the cached one stays in use",
                extra={"url": url, "reason": error.detail},
            )
            return None
        if fetched.content is None or fetched.content == stored.content:
            waiting = await self._store.fetch(tenant, stored.id)
            if waiting is not None:
                await self._store.postpone(waiting, self._after(fetched.lifetime))
            return None
        await self._store.replace(self._stored(tenant, url, fetched))
        return stored.id

    async def reload(self, tenant: str, url: str) -> None:
        """Fetch a cached URL now, and replace what is cached (clause 5.13.5.4).

        Raises LdContextNotAvailable, also for a document that is no @context; the cached one
        stays then.
        """
        self._failures.pop(_key(tenant, url), None)
        try:
            fetched = await self._fetcher.fetch(url)
        except BadRequestData as error:
            raise LdContextNotAvailable(f"{error.detail} The cached one stays in use.") from error
        await self._store.replace(self._stored(tenant, url, fetched))

    async def prepare(self) -> None:
        """Create what the store needs; to be repeated until the database answers."""
        await self._store.prepare()

    async def changes(self) -> list[str]:
        """Return identifiers of stored @contexts replaced or deleted since the last call."""
        return await self._store.changes()

    async def _fetched(self, tenant: str, url: str) -> StoredContext:
        key = _key(tenant, url)
        failure = self._failures.get(key)
        if failure is not None:
            until, error = failure
            if time.monotonic() < until:
                raise type(error)(error.detail)
            del self._failures[key]
        return await self._fetches.result(key, lambda: self._fetch(tenant, url))

    async def _fetch(self, tenant: str, url: str) -> StoredContext:
        try:
            fetched = await self._fetcher.fetch(url)
        except (LdContextNotAvailable, BadRequestData) as error:
            self._failures[_key(tenant, url)] = (time.monotonic() + _FAILURE_SECONDS, error)
            if len(self._failures) > _FAILURES_REMEMBERED:
                self._failures.popitem(last=False)
            raise
        stored = self._stored(tenant, url, fetched)
        await self._store.replace(stored)
        return stored

    def _stored(self, tenant: str, url: str, fetched: FetchedContext) -> StoredContext:
        if fetched.content is None:
            raise LdContextNotAvailable(
                f"The @context {url} could not be fetched: its server answered that nothing has"
                " changed, although it was not asked."
            )
        return StoredContext(
            id=cached_id(tenant, url),
            tenant=tenant,
            kind="Cached",
            content=fetched.content,
            created_at=self._clock(),
            url=url,
            expires_at=self._after(fetched.lifetime),
            etag=fetched.etag,
            last_modified=fetched.last_modified,
        )

    def _after(self, period: timedelta) -> str:
        return format_time(datetime.fromisoformat(self._clock()) + period)

    def _is_over(self, stored: StoredContext) -> bool:
        return stored.expires_at is not None and stored.expires_at <= self._clock()


def hosted_id(url: str) -> str | None:
    """Return the local identifier in a URL of the form under which a broker serves @contexts."""
    match = _HOSTED.fullmatch(url)
    return None if match is None else match["id"]


def _key(tenant: str, url: str) -> str:
    return f"{tenant}\n{url}"


def _document(stored: StoredContext) -> ContextDocument:
    expires_at = stored.expires_at
    return ContextDocument(
        stored.content,
        stored.id,
        None if expires_at is None else datetime.fromisoformat(expires_at),
    )
