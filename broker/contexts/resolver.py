"""The @context of a request, ready for use: from memory if it was used before.

Memory holds the tables of terms by tenant and reference, up to a total number of terms. Several
requests that need the same table wait for one that makes it. Whoever replaces or deletes a stored
@context announces it in the store; each process looks there four times a second and forgets what
it had derived from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import orjson

from broker.contexts.context import Context, ContextReference, core_context
from broker.contexts.core import CORE_CONTEXT_URL, is_core_url
from broker.contexts.documents import ContextLibrary
from broker.contexts.flattening import ContextLimits, FlatContext, Flattening
from broker.contexts.sharing import SharedWork
from broker.contexts.terms import TermTable, build_table
from broker.contexts.usage import UseCounter
from broker.model.clock import Clock
from broker.model.errors import LdContextNotAvailable, NgsiLdError
from broker.observability.tasks import end, pause, run_in_background, spawn

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.25
_REFRESH_SECONDS: Final = 60.0
_KEEP_SECONDS: Final = 6 * 3600.0
_STOP_SECONDS: Final = 2.0
_LARGE: Final = 200
"""Tables of more terms than this are built in a thread, so that other requests go on."""


@dataclass(slots=True)
class _Known:
    context: Context
    ids: tuple[str, ...]
    weight: int
    refresh_at: float


class ContextResolver:
    """Resolves references. To be used as an asynchronous context manager.

    Entering it does not wait for the database, which may start later.
    `most_contexts` and `most_terms` (about 100 bytes each) bound the memory.
    """

    def __init__(
        self,
        library: ContextLibrary,
        uses: UseCounter,
        *,
        clock: Clock,
        limits: ContextLimits | None = None,
        most_contexts: int = 500,
        most_terms: int = 300_000,
    ) -> None:
        self.library = library
        self.uses = uses
        self._clock = clock
        self._limits = limits or ContextLimits()
        self._most_contexts = most_contexts
        self._most_terms = most_terms
        self._core = core_context()
        self._known: OrderedDict[tuple[str, str | bytes], _Known] = OrderedDict()
        self._weight = 0
        self._making: SharedWork[_Known] = SharedWork("make the table of an @context")
        self._watch: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._watch = spawn(self._look_for_changes(), name="look for changed @contexts")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        if self._watch is not None:
            _, unfinished = await asyncio.wait([self._watch], timeout=_STOP_SECONDS)
            await end(*unfinished)
        with contextlib.suppress(NgsiLdError):
            await self.uses.flush()

    async def resolve(self, reference: ContextReference, *, tenant: str = "") -> Context:
        """Return the @context of a reference; `None` gives the Core @context (clause 5.5.5).

        Raises LdContextNotAvailable if something it refers to cannot be had, BadRequestData if it
        is not valid or not allowed (clauses 5.5.6, 5.5.7), DatabaseUnavailable.
        """
        if reference is None:
            return self._core
        key = (tenant, reference if isinstance(reference, str) else _key(reference))
        known = self._known.get(key)
        if known is None:
            known = await self._making.result(key, lambda: self._make(key, reference))
        else:
            self._known.move_to_end(key)
        self.uses.count(tenant, known.ids)
        if known.refresh_at <= time.monotonic():
            known.refresh_at = time.monotonic() + _REFRESH_SECONDS
            run_in_background(
                self._refresh(tenant, known.context.sources), name="refresh @contexts"
            )
        return known.context

    async def until_noticed(self) -> None:
        """Return when the other processes have had the time to notice an announced change."""
        await asyncio.sleep(1.2 * _LOOK_SECONDS)

    def forget(self, context_id: str) -> None:
        """Drop everything derived from a stored @context."""
        for key in [key for key, known in self._known.items() if context_id in known.ids]:
            self._drop(key)

    async def _make(self, key: tuple[str, str | bytes], reference: ContextReference) -> _Known:
        tenant = key[0]
        flattening = Flattening(lambda url: self.library.document(tenant, url), self._limits)
        try:
            async with asyncio.timeout(self._limits.seconds):
                flat = await flattening.flatten(reference)
        except TimeoutError as error:
            raise LdContextNotAvailable(
                f"The @context could not be put together within {self._limits.seconds:g} s; it"
                f" refers to {reference if isinstance(reference, str) else 'several documents'}."
            ) from error
        table = await _table(flat)
        context = Context(
            table,
            reference=reference,
            url=_only_url(reference),
            sources=frozenset(flat.sources),
            ends_with_core=flat.ends_with_core,
        )
        known = _Known(context, tuple(flat.ids), len(table.iris), self._refresh_at(flat.expires_at))
        self._remember(key, known)
        return known

    def _refresh_at(self, expires_at: datetime | None) -> float:
        if expires_at is None:
            return float("inf")
        left = expires_at - datetime.fromisoformat(self._clock())
        return time.monotonic() + max(0.0, left.total_seconds())

    def _remember(self, key: tuple[str, str | bytes], known: _Known) -> None:
        self._drop(key)
        self._known[key] = known
        self._weight += known.weight
        while len(self._known) > 1 and self._is_full():
            self._drop(next(iter(self._known)))

    def _is_full(self) -> bool:
        return self._weight > self._most_terms or len(self._known) > self._most_contexts

    def _drop(self, key: tuple[str, str | bytes]) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._weight -= known.weight

    async def _refresh(self, tenant: str, sources: frozenset[str]) -> None:
        for url in sources:
            changed = await self.library.refresh(tenant, url)
            if changed is not None:
                self.forget(changed)

    async def _look_for_changes(self) -> None:
        is_prepared = has_failed = False
        keep_at = time.monotonic() + _KEEP_SECONDS
        while not self._stopping.is_set():
            try:
                if not is_prepared:
                    await self.library.prepare()
                    is_prepared = True
                for context_id in await self.library.changes():
                    self.forget(context_id)
                has_failed = False
            except NgsiLdError as error:
                if not has_failed:
                    log.warning("changed @contexts are not known", extra={"reason": error.detail})
                has_failed = True
            if time.monotonic() >= keep_at:
                keep_at += _KEEP_SECONDS
                self._keep()
            await pause(self._stopping, _LOOK_SECONDS)

    def _keep(self) -> None:
        """Save what is in memory, and perhaps resolved only once, from being dropped as unused."""
        for (tenant, _), known in self._known.items():
            self.uses.keep(tenant, known.ids)


async def _table(flat: FlatContext) -> TermTable:
    if flat.term_count > _LARGE:
        return await asyncio.to_thread(build_table, flat.parts)
    return build_table(flat.parts)


def _key(reference: ContextReference) -> bytes:
    return orjson.dumps(reference, option=orjson.OPT_SORT_KEYS)


def _only_url(reference: ContextReference) -> str | None:
    """Return the URL that stands for a reference, if there is one: the Core @context is implied."""
    if isinstance(reference, str):
        return reference
    if not isinstance(reference, list):
        return None
    others = [part for part in reference if not (isinstance(part, str) and is_core_url(part))]
    if not others:
        return CORE_CONTEXT_URL
    return others[0] if len(others) == 1 and isinstance(others[0], str) else None
