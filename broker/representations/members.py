"""Readers of the members of an attribute, one for each member a client may write (clause 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from broker.model.attributes import (
    GEO_PROPERTY,
    LANGUAGE_PROPERTY,
    MEMBERS,
    OUTPUT_ONLY,
    PROPERTY,
    RESERVED_MEMBERS,
    SEALED_MEMBERS,
    VALUE_MEMBER,
)
from broker.model.datetimes import canonical_time
from broker.model.entity import NULL
from broker.model.geometry import decoded, geometry_flaw
from broker.model.languages import NO_LANGUAGE, is_language_tag
from broker.model.names import is_uri
from broker.representations.reader import Path, Reader, shown
from broker.representations.values import check_inside, read_json, read_value

MemberReader: TypeAlias = Callable[[Reader, Any, Path, str], Any]
"""`(reader, what the client wrote, path of the attribute, name of the member) -> stored value`.

Returns NULL where the member is to be deleted, IGNORED where it is not to be stored. Raises
BadRequestData.
"""

IGNORED = object()
"""What a member reader returns for a member that is not stored."""

_VALUES = frozenset(VALUE_MEMBER.values())
_LANG_STRING = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"


def read_date_time(reader: Reader, value: Any, path: Path, name: str) -> Any:
    """Return a DateTime as given, but for a decimal comma: only requests have it (4.6.3)."""
    if type(value) is str and (
        canonical_time(value) is not None or (reader.nulls and value == NULL)
    ):
        return value.replace(",", ".")
    reason = f"{shown(value)} is not a DateTime: write it in UTC, as in 2026-01-31T09:30:00Z"
    raise reader.refusal((*path, name), _with_hint(value, reason))


def _with_hint(value: Any, reason: str) -> str:
    """Return why a plain member is refused, and a hint where it was taken for a sub-attribute."""
    if type(value) is not dict or value.keys().isdisjoint({"type", "value", "object"}):
        return reason
    return (
        f"{reason}; this member has a meaning of its own and is no sub-attribute (clause 4.5.2):"
        " call yours otherwise"
    )


def _read_text(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if type(value) is str and value and (value != NULL or reader.nulls):
        return value
    reason = f"expected a text, found {shown(value)}"
    raise reader.refusal((*path, name), _with_hint(value, reason))


def _read_dataset_id(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if value == NO_LANGUAGE:
        return IGNORED
    if value == NULL:
        raise reader.refusal((*path, name), "a datasetId cannot be deleted (clause 5.5.8)")
    if is_uri(value):
        return value
    raise reader.refusal((*path, name), f"{shown(value)} is not a URI (nor '@none')")


def _read_geometry(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if value == NULL and reader.nulls:
        return value
    value = decoded(value)
    flaw = geometry_flaw(value)
    if flaw is not None:
        raise reader.refusal((*path, name, *flaw.place), flaw.reason)
    if len(value) > 2:  # more than type and coordinates
        check_inside(reader, value, (*path, name))
    return value


def _read_object(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if type(value) is list:
        return [_read_target(reader, uri, (*path, name, index)) for index, uri in enumerate(value)]
    if value == NULL and reader.nulls:
        return value
    return _read_target(reader, value, (*path, name))


def _read_target(reader: Reader, value: Any, path: Path) -> str:
    if is_uri(value) and value != NULL:
        return str(value)
    raise reader.refusal(path, f"{shown(value)} is not the URI of an entity")


def _read_object_list(reader: Reader, value: Any, path: Path, name: str) -> Any:
    path = (*path, name)
    if reader.nulls and value in (NULL, [NULL], [{"object": NULL}]):
        return NULL
    if type(value) is not list:
        raise reader.refusal(path, "an objectList is an array of URIs")
    targets = []
    for index, item in enumerate(value):
        if type(item) is dict:
            if item.keys() != {"object"}:
                raise reader.refusal((*path, index), "expected the single member 'object'")
            targets.append(
                {"object": _read_target(reader, item["object"], (*path, index, "object"))}
            )
        else:
            targets.append({"object": _read_target(reader, item, (*path, index))})
    return targets


def _read_value_list(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if reader.nulls and value in (NULL, [NULL]):
        return NULL
    if type(value) is not list:
        raise reader.refusal((*path, name), "a valueList is an array of values")
    check_inside(reader, value, (*path, name))
    return value


def _read_language_map(reader: Reader, value: Any, path: Path, name: str) -> Any:
    path = (*path, name)
    if reader.nulls and value in (NULL, {NO_LANGUAGE: NULL}):
        return NULL
    if type(value) is not dict or not value:
        raise reader.refusal(path, 'a languageMap is an object such as {"en": "lake", "ja": "湖"}')
    for tag, text in value.items():
        if tag != NO_LANGUAGE and not is_language_tag(tag):
            raise reader.refusal((*path, tag), f"{shown(tag)} is not a language tag such as 'en'")
        if text == NULL and not reader.payload.nulls_in_values:
            raise reader.refusal((*path, tag), f"{NULL} deletes a language only in a merge")
        if type(text) is not str and not _is_texts(text):
            raise reader.refusal((*path, tag), "expected a text or an array of texts")
    return value


def _is_texts(value: Any) -> bool:
    return type(value) is list and all(type(text) is str and text != NULL for text in value)


def _read_terms(reader: Reader, value: Any, path: Path, name: str) -> Any:
    """Expand a term or an array of terms (vocab, objectType, entityTypeSealed)."""
    if type(value) is list and value:
        return [_read_term(reader, term, (*path, name, i)) for i, term in enumerate(value)]
    if value == NULL and reader.nulls:
        return value
    return _read_term(reader, value, (*path, name))


def _read_term(reader: Reader, value: Any, path: Path) -> str:
    if type(value) is str and value and value != NULL:
        return reader.expand(value)
    reason = f"expected a term or a URI, found {shown(value)}"
    raise reader.refusal(path, _with_hint(value, reason))


def _read_value_type(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if value == NULL and reader.nulls:
        return value
    return _read_term(reader, value, (*path, name))


def _read_language_value_type(reader: Reader, value: Any, path: Path, name: str) -> Any:
    iri = _read_value_type(reader, value, path, name)
    if iri in (_LANG_STRING, NULL):
        return iri
    raise reader.refusal((*path, name), "the valueType of a LanguageProperty is 'langString'")


def _read_sealed_id(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if is_uri(value) and (value != NULL or reader.nulls):
        return value
    raise reader.refusal((*path, name), f"{shown(value)} is not the URI of an entity")


def _read_proof(reader: Reader, value: Any, path: Path, name: str) -> Any:
    if type(value) is dict or (value == NULL and reader.nulls):
        return read_value(reader, value, path, name)
    raise reader.refusal((*path, name), "the value of a proof is an object (clause 4.5.2.2)")


def _ignore(_reader: Reader, _value: Any, _path: Path, _name: str) -> Any:
    return IGNORED


def _refuse_in(kind: str | None) -> MemberReader:
    """Return the reader that refuses what attributes of a type, or of any (None), cannot have."""

    def refuse(reader: Reader, _value: Any, path: Path, name: str) -> Any:
        if name in SEALED_MEMBERS:
            reason = "only 'ngsildproof' has this member"
        elif kind is None or name in {"@context", "id", "@id"}:
            reason = "an attribute cannot have this member"
        elif name in _VALUES:
            its = VALUE_MEMBER[kind]
            reason = f"a {kind} cannot have this member, its value is the member '{its}'"
        else:
            reason = f"a {kind} cannot have this member"
        raise reader.refusal((*path, name), f"{reason} (clauses 4.5.1 to 4.5.24)")

    return refuse


_READERS: Mapping[str, MemberReader] = {
    "type": _ignore,
    "@type": _ignore,
    "value": read_value,
    "object": _read_object,
    "languageMap": _read_language_map,
    "vocab": _read_terms,
    "json": read_json,
    "valueList": _read_value_list,
    "objectList": _read_object_list,
    "datasetId": _read_dataset_id,
    "observedAt": read_date_time,
    "expiresAt": read_date_time,
    "unitCode": _read_text,
    "valueType": _read_value_type,
    "objectType": _read_terms,
}


def _table(
    kind: str | None, allowed: frozenset[str], ignored: frozenset[str]
) -> dict[str, MemberReader]:
    refused = RESERVED_MEMBERS | {"@context", "id", "@id"}
    return {
        **dict.fromkeys(refused, _refuse_in(kind)),
        **dict.fromkeys(ignored, _ignore),
        **{name: _READERS[name] for name in allowed},
        "type": _ignore,
        "@type": _ignore,
    }


READERS_OF: Mapping[str, Mapping[str, MemberReader]] = {
    kind: _table(kind, MEMBERS[kind], OUTPUT_ONLY[kind])
    | ({"value": _read_geometry} if kind == GEO_PROPERTY else {})
    | ({"valueType": _read_language_value_type} if kind == LANGUAGE_PROPERTY else {})
    for kind in MEMBERS
}
"""For each type of attribute, the readers of its members; any other member is a sub-attribute."""

READERS_OF_UNTYPED: Mapping[str, MemberReader] = _table(
    None,
    frozenset({"value", "datasetId", "observedAt", "expiresAt"})
    | {"unitCode", "valueType", "objectType"},
    OUTPUT_ONLY[PROPERTY],
)
"""The readers of an attribute whose type is that of the attribute it changes."""

READERS_OF_PROOF: Mapping[str, MemberReader] = {
    **READERS_OF[PROPERTY],
    "value": _read_proof,
    "entityIdSealed": _read_sealed_id,
    "entityTypeSealed": _read_terms,
}
"""The readers of the property `ngsildproof`."""
