"""The two directions of an @context, as the rules below need them."""

from __future__ import annotations

from typing import Protocol


class Terms(Protocol):
    """Expands names to IRIs and compacts them again (clause 5.5.7).

    Both are total: an unknown term expands under the default vocabulary, an IRI without a term is
    compacted to itself (or to a compact IRI where the @context has a prefix for it).
    """

    def expand(self, term: str) -> str:
        """Return the IRI of a term, of a compact IRI, or the IRI itself."""

    def defines(self, term: str) -> bool:
        """Return whether the @context itself says what a term stands for."""

    def compact(self, iri: str) -> str:
        """Return the shortest name the @context has for an attribute or type IRI."""
