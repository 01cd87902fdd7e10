"""Storing, managing and serving @contexts (clause 5.13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import orjson

from broker.contexts.context import Context
from broker.contexts.core import is_core_url
from broker.contexts.documents import HOSTED_PATH, hosted_id
from broker.contexts.flattening import ContextLimits, check_reference
from broker.contexts.resolver import ContextResolver
from broker.model.clock import Clock
from broker.model.errors import (
    BadRequestData,
    InvalidRequest,
    OperationNotSupported,
    ResourceNotFound,
)
from broker.operations.caller import Caller
from broker.storage.contexts import (
    ContextKind,
    ContextStore,
    StoredContext,
    cached_id,
    implicit_id,
)

_COUNTED_WHEN_LOOKED_UP: Final = frozenset({"Cached", "ImplicitlyCreated"})


class ContextOperations:
    """The operations on stored @contexts; each tenant has its own (clause 5.5.10).

    An identifier is the local one, the address under which the broker serves the @context, or, for
    Cached ones, the URL they were fetched from. All raise DatabaseUnavailable.
    """

    def __init__(
        self,
        *,
        store: ContextStore,
        resolver: ContextResolver,
        clock: Clock,
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._library = resolver.library
        self._uses = resolver.uses
        self._clock = clock
        self._started_at = clock()

    async def add_context(self, caller: Caller, document: Any) -> str:
        """Add @context (5.13.2): store it as Hosted and return its local identifier.

        What stands beside the member `@context` is dropped. Raises InvalidRequest if there is no
        such member, BadRequestData if it is not a valid @context.
        """
        if not isinstance(document, dict) or "@context" not in document:
            raise InvalidRequest("The body has to be a JSON object with the member @context.")
        if document["@context"] is None:
            raise BadRequestData("The @context is null; there is nothing to store.")
        await check_reference(document["@context"], ContextLimits())
        identifier = str(uuid4())
        content = orjson.dumps({"@context": document["@context"]}).decode()
        await self._store.insert(
            StoredContext(identifier, caller.tenant, "Hosted", content, self._clock())
        )
        return identifier

    async def list_contexts(
        self, caller: Caller, kind: ContextKind | None = None
    ) -> list[StoredContext]:
        """List @contexts (5.13.3), oldest first, without their content."""
        await self._uses.flush()
        return await self._store.find(caller.tenant, kind)

    async def serve_context(self, caller: Caller, identifier: str) -> str:
        """Serve @context (5.13.4): the JSON text of an object with the member `@context`.

        Raises ResourceNotFound, and OperationNotSupported for Cached ones.
        """
        stored = await self._require(caller, identifier)
        if stored.kind == "Cached":
            raise OperationNotSupported(
                f"The @context {identifier} is a cached copy, which is not served; fetch it from"
                f" {stored.url}. With details=true you get what is known about the copy."
            )
        self._uses.count(caller.tenant, (stored.id,))
        return stored.content

    async def describe_context(self, caller: Caller, identifier: str) -> StoredContext:
        """Serve @context with details (5.13.4), without the content. Raises ResourceNotFound."""
        await self._uses.flush()
        stored = await self._require(caller, identifier)
        if stored.kind in _COUNTED_WHEN_LOOKED_UP:
            self._uses.count(caller.tenant, (stored.id,))
            await self._uses.flush()  # whoever asks again may get another worker
        return replace(stored, content="")

    async def delete_context(self, caller: Caller, identifier: str) -> None:
        """Delete @context (5.13.5); what an array refers to stays.

        Raises ResourceNotFound, and BadRequestData for one that is built in or preloaded.
        """
        self._refuse_pinned(identifier)
        context_id = _local_id(caller.tenant, identifier)
        if not await self._store.delete(caller.tenant, context_id):
            raise _unknown(identifier)
        self._resolver.forget(context_id)
        await self._resolver.until_noticed()

    async def reload_context(self, caller: Caller, identifier: str) -> None:
        """Reload a Cached @context (5.13.5): fetch it now and replace the copy.

        Raises LdContextNotAvailable if that fails, the copy stays then; BadRequestData for
        everything that is not a Cached @context, unknown identifiers included.
        """
        self._refuse_pinned(identifier)
        stored = await self._find(caller, identifier)
        if stored is None or stored.kind != "Cached" or stored.url is None:
            state = "is not known" if stored is None else f"is {stored.kind}"
            raise BadRequestData(
                f"Only a Cached @context can be reloaded, but {identifier} {state}."
            )
        await self._library.reload(caller.tenant, stored.url)
        self._resolver.forget(stored.id)
        await self._resolver.until_noticed()

    async def address_of(self, caller: Caller, context: Context, base_url: str) -> str:
        """Return a URL for the @context, as the Link headers of answers and notifications need.

        One that has none is stored as ImplicitlyCreated and served by the broker (5.13.1), whose
        own address is `base_url` (`https://host`, without a path).
        """
        base = base_url.rstrip("/")
        if context.url is not None:
            return base + context.url if context.url.startswith("/") else context.url
        content = orjson.dumps({"@context": context.reference}).decode()
        identifier = implicit_id(caller.tenant, content)
        await self._store.insert(
            StoredContext(identifier, caller.tenant, "ImplicitlyCreated", content, self._clock())
        )
        return f"{base}{HOSTED_PATH}{identifier}"

    async def _require(self, caller: Caller, identifier: str) -> StoredContext:
        if self._is_pinned(identifier):
            return StoredContext(
                identifier, caller.tenant, "Cached", "", self._started_at, url=identifier
            )
        stored = await self._find(caller, identifier)
        if stored is None:
            raise _unknown(identifier)
        return stored

    async def _find(self, caller: Caller, identifier: str) -> StoredContext | None:
        return await self._store.fetch(caller.tenant, _local_id(caller.tenant, identifier))

    def _is_pinned(self, identifier: str) -> bool:
        return is_core_url(identifier) or self._library.is_preloaded(identifier)

    def _refuse_pinned(self, identifier: str) -> None:
        if self._is_pinned(identifier):
            raise BadRequestData(
                f"The @context {identifier} comes with the installation of this broker; it can be"
                " neither deleted nor reloaded."
            )


def _local_id(tenant: str, identifier: str) -> str:
    hosted = hosted_id(identifier)
    if hosted is not None:
        return hosted
    if identifier.startswith(("http://", "https://")):
        return cached_id(tenant, identifier)
    return identifier


def _unknown(identifier: str) -> ResourceNotFound:
    return ResourceNotFound(f"No @context is stored under {identifier[:300]}.")
