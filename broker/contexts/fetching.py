"""Fetching a remote @context: what is asked for, and what is accepted as an answer."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urljoin

from broker.config.settings import ContextSettings
from broker.contexts.freshness import lifetime
from broker.contexts.parsing import context_text
from broker.model.clock import Clock
from broker.model.errors import LdContextNotAvailable, NgsiLdError
from broker.observability.metrics import CONTEXT_FETCHES
from broker.outbound.client import OutboundClient, OutboundResponse
from broker.outbound.errors import OutboundError

log = logging.getLogger(__name__)

_ACCEPT: Final = "application/ld+json, application/json;q=0.9, */*;q=0.1"
_JSON: Final = re.compile(r"application/(.*\+)?json\s*(;|$)", re.IGNORECASE)
_ALTERNATE: Final = re.compile(r"<([^>]*)>([^,]*)")


@dataclass(frozen=True, slots=True)
class FetchedContext:
    """An answer. `content` is None if the server says that nothing has changed (304)."""

    content: str | None
    lifetime: timedelta
    etag: str | None = None
    last_modified: str | None = None


class ContextFetcher:
    """Fetches documents with an `@context` member, within limits of size (bytes) and time."""

    def __init__(
        self, client: OutboundClient, *, clock: Clock, settings: ContextSettings | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        settings = settings or ContextSettings()
        self._largest = settings.max_bytes
        self._seconds = settings.fetch_timeout
        self._assumed = timedelta(seconds=settings.refresh_after)

    async def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> FetchedContext:
        """Return what a URL holds now; with `etag` or `last_modified` only if it has changed.

        Raises LdContextNotAvailable if there is no answer or none with status 200, and
        BadRequestData if the answer is not an @context (clause 5.5.6).
        """
        headers = {"Accept": _ACCEPT}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        try:
            fetched = await self._fetch(url, headers)
        except NgsiLdError:
            CONTEXT_FETCHES.labels("failed").inc()
            raise
        CONTEXT_FETCHES.labels("ok").inc()
        return fetched

    async def _fetch(self, url: str, headers: dict[str, str]) -> FetchedContext:
        response = await self._send(url, headers)
        alternate = _alternate(response)
        if alternate is not None:
            response = await self._send(alternate, headers)
        content = None
        if response.status != 304:
            content = self._content(url, response)
        return FetchedContext(
            content,
            lifetime(response.headers, datetime.fromisoformat(self._clock()), self._assumed),
            response.headers.get("etag"),
            response.headers.get("last-modified"),
        )

    async def _send(self, url: str, headers: dict[str, str]) -> OutboundResponse:
        try:
            return await self._client.request("GET", url, headers=headers, timeout=self._seconds)
        except OutboundError as error:
            raise LdContextNotAvailable(
                f"The @context {url} could not be fetched: {error.detail}"
            ) from error

    def _content(self, url: str, response: OutboundResponse) -> str:
        if response.status != 200:
            raise LdContextNotAvailable(
                f"The @context {url} could not be fetched: its server answered with status"
                f" {response.status}."
            )
        if len(response.body) > self._largest:
            raise LdContextNotAvailable(
                f"The @context {url} has {len(response.body)} bytes, more than the"
                f" {self._largest} this broker reads."
            )
        content = context_text(response.body, name=f"The @context {url}")
        media_type = response.headers.get("content-type", "")
        if not _JSON.match(media_type):
            log.warning(
                "an @context is served with a media type that is not JSON",
                extra={"url": url, "media_type": media_type[:100]},
            )
        return content


def _alternate(response: OutboundResponse) -> str | None:
    """Return the JSON-LD document that a page of another type refers to (JSON-LD 1.1, 6.1)."""
    if _JSON.match(response.headers.get("content-type", "")):
        return None
    target: str
    for target, parameters in _ALTERNATE.findall(response.headers.get("link", "")):
        if "alternate" in parameters and "application/ld+json" in parameters:
            return urljoin(response.url, target)
    return None
