"""From JSON-LD @context objects to a table of terms, once for each @context.

pyld applies the JSON-LD rules to the definitions; what remains of a request's @context after that
are three dictionaries, which is what makes expansion and compaction cheap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from broker.contexts.core import DEFAULT_VOCABULARY, core_document
from broker.model.errors import BadRequestData

LocalContext: TypeAlias = Mapping[str, Any] | None
"""One @context object, without references to others; `None` (JSON null) resets what came before."""

_KEYWORD_LIKE: Final = re.compile(r"@[A-Za-z]+$")
_SPACE: Final = re.compile(r"\s")
_KEYWORDS: Final = frozenset(
    f"@{word}"
    for word in (
        *("base", "container", "context", "default", "direction", "embed", "explicit", "graph"),
        *("id", "import", "included", "index", "json", "language", "list", "nest", "none"),
        *("omitDefault", "prefix", "preserve", "propagate", "protected", "requireAll", "reverse"),
        *("set", "type", "value", "version", "vocab"),
    )
)
_WITHOUT_EFFECT: Final = frozenset({"@base", "@direction", "@language", "@propagate"})
_EXAMINED: Final = 2_000
_MALFORMED: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What pyld raises for definitions of a kind it does not expect."""
_OPENING: Final[LocalContext] = {
    "@vocab": DEFAULT_VOCABULARY,
    "ngsi-ld": "https://uri.etsi.org/ngsi-ld/",
    "geojson": "https://purl.org/geojson/vocab#",
}


@dataclass(frozen=True, slots=True)
class TermTable:
    """The terms of an @context: term → IRI, prefix → IRI, IRI → the term that compacts it."""

    iris: Mapping[str, str]
    prefixes: Mapping[str, str]
    names: Mapping[str, str]
    vocabulary: str = DEFAULT_VOCABULARY


def build_table(contexts: Iterable[LocalContext]) -> TermTable:
    """Return the terms of user @contexts, in order, with the Core @context in the last place.

    Core terms cannot be redefined, and the Core @context's default vocabulary is the only one in
    force for names (clauses 4.4 and 5.5.7); a user `@vocab` counts inside the definitions that
    follow it. Definitions that stand for nothing an Attribute or a type could be called (terms
    set to null, aliases of keywords, reverse properties) are left out, so that such a name gets
    the default vocabulary instead of being lost.

    Raises BadRequestData if a definition breaks the rules of JSON-LD, or contains a scoped
    @context, which clause 5.5.7 excludes.
    """
    local = [_checked(context) for context in contexts]
    core = core_table()
    if not any(local):
        return core
    return _merge(_collect(_process(_opened(local))), core)


@cache
def core_table() -> TermTable:
    """Return the table of the Core @context alone."""
    definitions = dict(core_document()["@context"])
    proof = dict(definitions["ngsildproof"])
    del proof["@context"]  # speaks of the inside of a proof, which is carried as it is
    definitions["ngsildproof"] = proof
    return _collect(_process([definitions]))


def _opened(contexts: list[LocalContext]) -> list[LocalContext]:
    """Let definitions use the Core @context's prefixes, which many take for granted."""
    opened = [_OPENING]
    for context in contexts:
        opened.append(context)
        if context is None:
            opened.append(_OPENING)
    return opened


def _checked(context: LocalContext) -> LocalContext:
    if context is None:
        return None
    checked = {
        term: _with_valid_iri(definition)
        for term, definition in context.items()
        if _is_usable(term, definition)
    }
    if "@vocab" in checked and checked["@vocab"] is None:
        checked["@vocab"] = DEFAULT_VOCABULARY
    return checked


def _with_valid_iri(definition: Any) -> Any:
    """Encode spaces in IRIs: @contexts in wide use have them, and would be refused as a whole."""
    if isinstance(definition, str):
        return _SPACE.sub("%20", definition.strip())
    if isinstance(definition, dict) and isinstance(definition.get("@id"), str):
        return {**definition, "@id": _with_valid_iri(definition["@id"])}
    return definition


def _is_usable(term: str, definition: Any) -> bool:
    """Leave out what JSON-LD ignores and what does not concern names; refuse scoped contexts.

    A copy of the Core @context, kept elsewhere or within a larger one, has a scoped context in the
    definition of a core term. It changes nothing, as the Core @context's own is in force.
    """
    if term == "@context":
        raise BadRequestData("The @context has a member @context, one level too many.")
    if term in _WITHOUT_EFFECT:
        return False
    if isinstance(definition, dict):
        if "@context" in definition:
            if term in core_document()["@context"]:
                return False
            raise BadRequestData(
                f"The @context defines '{term}' with a scoped @context, which NGSI-LD does not"
                " allow in user @contexts (clause 5.5.7): define its terms at the top level."
            )
        meanings = [definition.get("@id"), definition.get("@reverse")]
    else:
        meanings = [definition]
    words = [term, *(meaning for meaning in meanings if isinstance(meaning, str))]
    return not any(_KEYWORD_LIKE.match(word) and word not in _KEYWORDS for word in words)


def _process(contexts: list[LocalContext]) -> Mapping[str, Any]:
    try:
        return _apply(contexts)
    except jsonld.JsonLdError as error:
        raise BadRequestData(
            f"The @context is not valid JSON-LD{_offender(contexts)}: {_explain(error)}"
        ) from error
    except RecursionError as error:
        raise BadRequestData(
            "The @context is not valid: its definitions depend on each other in a chain that is"
            " too long."
        ) from error
    except _MALFORMED as error:
        raise BadRequestData(
            f"The @context is not valid JSON-LD{_offender(contexts)}: a definition has a form that"
            f" JSON-LD 1.1 does not have ({error})."
        ) from error


def _apply(contexts: list[LocalContext]) -> Mapping[str, Any]:
    processor = jsonld.JsonLdProcessor()
    options = {"base": "", "contextResolver": ContextResolver({}, _refuse_to_load)}
    initial = processor.process_context({}, None, options)
    active: Mapping[str, Any] = processor.process_context(initial, contexts, options)
    return active


def _refuse_to_load(url: str, options: Any) -> Any:
    raise jsonld.JsonLdError(f"{url} was not resolved beforehand", "jsonld.InvalidUrl")


def _explain(error: jsonld.JsonLdError) -> str:
    while isinstance(error.__cause__, jsonld.JsonLdError):
        error = error.__cause__
    text = str(error.args[0]) if error.args else "unknown fault"
    return text.removeprefix("Invalid JSON-LD syntax; ")


def _offender(contexts: list[LocalContext]) -> str:
    """Name the first definition that is not valid by itself, if it is quickly found."""
    definitions = [item for context in contexts if context for item in context.items()]
    for term, definition in definitions[:_EXAMINED]:
        try:
            _ = _apply([_OPENING, {term: definition}])
        except (jsonld.JsonLdError, *_MALFORMED):
            return f" in the definition of '{term}'"
    return ""


def _collect(active: Mapping[str, Any]) -> TermTable:
    iris: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for term, mapping in active["mappings"].items():
        iri = mapping["@id"] if mapping and not mapping["reverse"] else None
        if iri is None or (iri in _KEYWORDS and term not in {"id", "type"}):
            continue
        iris[term] = iri
        if mapping["_prefix"]:
            prefixes[term] = iri
    return TermTable(iris, prefixes, _inverted(iris))


def _inverted(iris: Mapping[str, str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for term in sorted(iris, key=lambda term: (len(term), term)):
        names.setdefault(iris[term], term)
    return names


def _merge(user: TermTable, core: TermTable) -> TermTable:
    user_iris = {term: iri for term, iri in user.iris.items() if term not in core.iris}
    user_prefixes = {term: iri for term, iri in user.prefixes.items() if term in user_iris}
    return TermTable(
        iris={**user_iris, **core.iris},
        prefixes={**user_prefixes, **core.prefixes},
        names={**_inverted(user_iris), **core.names},
    )
