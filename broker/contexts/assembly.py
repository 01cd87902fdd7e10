"""Puts the parts of this package together."""

from __future__ import annotations

from broker.config.settings import ContextSettings
from broker.contexts.documents import ContextLibrary
from broker.contexts.fetching import ContextFetcher
from broker.contexts.flattening import ContextLimits
from broker.contexts.preloaded import load_preloaded
from broker.contexts.resolver import ContextResolver
from broker.contexts.usage import UseCounter
from broker.model.clock import Clock
from broker.outbound.client import OutboundClient
from broker.storage.contexts import ContextStore


def assemble_contexts(
    store: ContextStore,
    client: OutboundClient,
    settings: ContextSettings,
    *,
    clock: Clock,
    counts_hits: bool = True,
) -> ContextResolver:
    """Return the resolver, to be entered before the first request and left after the last.

    `counts_hits` is False where no requests are served, because hits are uses by requests.
    Reads the preloaded files, so it is to be called before requests are served. Raises
    ConfigurationError.
    """
    library = ContextLibrary(
        store,
        ContextFetcher(client, clock=clock, settings=settings),
        clock=clock,
        preloaded=load_preloaded(directory=settings.preload_directory),
    )
    return ContextResolver(
        library,
        UseCounter(store, clock=clock, counts_hits=counts_hits),
        clock=clock,
        limits=ContextLimits(depth=settings.max_depth, documents=settings.max_documents),
        most_contexts=settings.cache_entries,
    )
