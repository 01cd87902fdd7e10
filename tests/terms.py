"""A stand-in for an @context: short names live under one namespace."""

from dataclasses import dataclass

NAMESPACE = "https://e.org/"


@dataclass(frozen=True)
class ExampleTerms:
    """Implements `broker.model.terms.Terms`."""

    def expand(self, term: str) -> str:
        return term if ":" in term else NAMESPACE + term

    def defines(self, term: str) -> bool:
        return term == "N-TOT"

    def compact(self, iri: str) -> str:
        return iri.removeprefix(NAMESPACE)


TERMS = ExampleTerms()
