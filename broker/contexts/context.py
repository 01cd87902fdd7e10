"""An @context ready for use: names to IRIs and back, by look-up."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from broker.contexts.core import CORE_CONTEXT_URL
from broker.contexts.terms import TermTable, core_table

ContextReference: TypeAlias = "str | dict[str, Any] | list[Any] | None"
"""What a request gives as its @context: a URL, an object, an array of both; `None`: nothing."""

_MEMORY_LIMIT: Final = 20_000
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Context:
    """An @context with the Core @context in the last place; implements `broker.model.terms.Terms`.

    `reference` is the user @context as the request gave it (`None` if it gave none), `url` the
    address under which it can be fetched (`None` for one given in a body that is not a single
    URL), `sources` the URLs its terms were taken from.
    """

    __slots__ = ("_compacted", "_expanded", "_table", "body", "reference", "sources", "url")

    def __init__(
        self,
        table: TermTable,
        *,
        reference: ContextReference = None,
        url: str | None = None,
        sources: frozenset[str] = frozenset(),
        ends_with_core: bool = False,
    ) -> None:
        self.reference = reference
        self.url = url
        self.sources = sources
        self.body = _body(reference, ends_with_core=ends_with_core)
        self._table = table
        self._expanded: dict[str, str] = {}
        self._compacted: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Context({self.reference!r})"

    def expand(self, term: str) -> str:
        """Return the IRI of a term, of a compact IRI, or the IRI itself (clause 5.5.7)."""
        iri = self._expanded.get(term)
        if iri is None:
            iri = self._expand(term)
            _remember(self._expanded, term, iri)
        return iri

    def defines(self, term: str) -> bool:
        """Return whether a term is defined, not left to the default vocabulary."""
        return term in self._table.iris

    def compact(self, iri: str) -> str:
        """Return the term, compact IRI or name in the default vocabulary that stands for an IRI.

        What is returned expands to the IRI again. An IRI nothing stands for is returned as it is.
        """
        name = self._compacted.get(iri)
        if name is None:
            name = self._compact(iri)
            _remember(self._compacted, iri, name)
        return name

    def _expand(self, term: str) -> str:
        iri = self._table.iris.get(term)
        if iri is not None:
            return iri
        if term.startswith("@"):
            return term
        prefix, colon, suffix = term.partition(":")
        if colon and prefix:
            if prefix == "_" or suffix.startswith("//"):
                return term
            namespace = self._table.prefixes.get(prefix)
            if namespace is not None:
                return namespace + suffix
            if _SCHEME.match(term):
                return term
        return self._table.vocabulary + term

    def _compact(self, iri: str) -> str:
        term = self._table.names.get(iri)
        if term is not None:
            return term
        vocabulary = self._table.vocabulary
        if iri.startswith(vocabulary):
            name = iri[len(vocabulary) :]
            if name and self._stands_for(name, iri):
                return name
        candidates = [
            f"{prefix}:{iri[len(namespace) :]}"
            for prefix, namespace in self._table.prefixes.items()
            if iri.startswith(namespace) and len(iri) > len(namespace)
        ]
        candidates.sort(key=lambda name: (len(name), name))
        return next((name for name in candidates if self._stands_for(name, iri)), iri)

    def _stands_for(self, name: str, iri: str) -> bool:
        return self._expand(name) == iri


def core_context(url: str = CORE_CONTEXT_URL) -> Context:
    """Return the @context of a request that gives none, or names the Core @context by a URL."""
    return Context(core_table(), url=url)


def _remember(memory: dict[str, str], key: str, value: str) -> None:
    if len(memory) >= _MEMORY_LIMIT:
        memory.clear()
    memory[key] = value


def _body(reference: ContextReference, *, ends_with_core: bool) -> ContextReference:
    """Return the `@context` member of a response: that of the request, the core in last place."""
    if reference is None:
        return CORE_CONTEXT_URL
    if ends_with_core:
        return reference
    return (
        [*reference, CORE_CONTEXT_URL]
        if isinstance(reference, list)
        else [
            reference,
            CORE_CONTEXT_URL,
        ]
    )
