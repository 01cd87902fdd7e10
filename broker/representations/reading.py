"""Request bodies with entities and attributes, checked and expanded (clauses 4.5, 5.2, 5.4, 5.5.4).

Every function takes parsed JSON and returns values of the model that share unchanged parts with
it; whoever passes a body must not change it afterwards. All raise BadRequestData, with a sentence
about the place, its JSON pointer and the attribute concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from broker.model.attributes import GEO_ATTRIBUTES, GEO_PROPERTY, RESERVED_MEMBERS, SYSTEM_MEMBERS
from broker.model.entity import NULL, Entity, Instance
from broker.model.errors import BadRequestData
from broker.model.fragment import Fragment, is_deletion
from broker.model.names import is_term, is_uri
from broker.model.scopes import is_scope
from broker.model.terms import Terms
from broker.representations.attributes import (
    expand_name,
    read_attribute,
    read_instance,
    read_instances,
)
from broker.representations.members import read_date_time
from broker.representations.reader import (
    COMPLETE,
    MERGE,
    MERGE_SIMPLIFIED,
    PARTIAL,
    UPDATE,
    Path,
    Payload,
    Reader,
    shown,
)

FragmentOf = Literal["append", "update", "merge", "mergeSimplified"]
_PAYLOADS: Mapping[str, Payload] = {
    "append": COMPLETE,
    "update": UPDATE,
    "merge": MERGE,
    "mergeSimplified": MERGE_SIMPLIFIED,
    "partial": PARTIAL,
    "replace": COMPLETE,
}
_OWN_MEMBERS = frozenset({"id", "@id", "type", "@type", "scope", "expiresAt", "@context"})
_IGNORED = SYSTEM_MEMBERS - {"instanceId"}
_RESERVED = (RESERVED_MEMBERS | {"@graph", "@value"}) - _OWN_MEMBERS - _IGNORED
_NOT_PLAIN = _OWN_MEMBERS | _IGNORED | _RESERVED | GEO_ATTRIBUTES


def read_entity(body: Any, terms: Terms, *, at: Path = ()) -> Entity:
    """Return the entity of a create, replace, upsert or batch operation (clause 5.2.4).

    `id` and `type` are mandatory, the NGSI-LD Null is refused. `at` leads from the top of the
    request body to this entity, for the pointer of an error.
    """
    reader = Reader(terms, COMPLETE, at=at)
    members = _object(reader, body)
    entity_id = _read_id(reader, members)
    types = _read_types(reader, members)
    if entity_id is None or not types:
        missing = "id" if entity_id is None else "type"
        raise reader.refusal((), f"an entity needs the member '{missing}'")
    return Entity(
        id=entity_id,
        types=types,
        attributes=_read_attributes(reader, members),
        scopes=_read_scopes(reader, members) or (),
        expires_at=_read_expiry(reader, members),
    )


def read_fragment(
    body: Any,
    terms: Terms,
    operation: FragmentOf,
    *,
    entity_id: str | None = None,
    at: Path = (),
) -> Fragment:
    """Return the entity fragment of an append (5.6.3), update (5.6.2) or merge (5.6.17).

    `entity_id` is the target: an `id` in the body has to be equal to it (clause 5.4).
    """
    reader = Reader(terms, _PAYLOADS[operation], at=at)
    members = _object(reader, body)
    given_id = _read_id(reader, members)
    if entity_id is not None and given_id is not None and given_id != entity_id:
        raise reader.refusal(("id",), f"{shown(given_id)} is not the target <{entity_id}>")
    return Fragment(
        id=given_id,
        types=_read_types(reader, members),
        attributes=_read_attributes(reader, members),
        scopes=_read_scopes(reader, members),
        expires_at=_read_expiry(reader, members),
        terms=terms if reader.payload.partial else None,
    )


def read_attribute_fragment(
    body: Any,
    terms: Terms,
    operation: Literal["partial", "replace"],
    *,
    name: str,
) -> list[Instance]:
    """Return the instances of a partial attribute update (5.6.4) or replacement (5.6.19).

    `name` is the attribute as the client wrote it (in the path of the request). The instances of
    a partial update are those of `broker.model.fragment.Fragment`; they are never none.
    """
    reader = Reader(terms, _PAYLOADS[operation], attribute=name)
    if type(body) is list and body:
        bodies = [_without_context(item) for item in body]
        instances = read_instances(reader, bodies, ())
    else:
        members = _without_context(_object(reader, body))
        if not members:
            raise reader.refusal((), "the fragment is empty: say what is to change")
        instances = [read_instance(reader, members, ())]
    for instance in instances:
        _check_kind(reader, name, instance, ())
    return instances


def _object(reader: Reader, body: Any) -> dict[str, Any]:
    if type(body) is dict:
        return body
    raise reader.refusal((), f"expected a JSON object, found {shown(body)}")


def _without_context(body: Any) -> Any:
    if type(body) is dict and "@context" in body:
        return {name: member for name, member in body.items() if name != "@context"}
    return body


def _given_twice(reader: Reader, name: str) -> BadRequestData:
    return reader.refusal((name,), f"'{name}' and '@{name}' are the same member; give one")


def _read_id(reader: Reader, members: Mapping[str, Any]) -> str | None:
    given = members.get("id")
    if given is None and "id" not in members:
        if "@id" not in members:
            return None
        given = members["@id"]
    elif "@id" in members:
        raise _given_twice(reader, "id")
    if is_uri(given) and given != NULL:
        return str(given)
    raise reader.refusal(("id",), f"{shown(given)} is not a URI such as urn:ngsi-ld:Building:1")


def _read_types(reader: Reader, members: Mapping[str, Any]) -> tuple[str, ...]:
    given = members.get("type")
    if given is not None and "@type" in members:
        raise _given_twice(reader, "type")
    if type(given) is str:
        return (_expand_type(reader, given),)
    if given is None and "type" not in members:
        if "@type" not in members:
            return ()
        given = members["@type"]
    names = given if type(given) is list and given else [given]
    return tuple(dict.fromkeys(_expand_type(reader, name) for name in names))


def _expand_type(reader: Reader, name: Any) -> str:
    if type(name) is not str or not is_term(name, reader.terms):
        reason = "a type is a name (letters, digits, '_') or an IRI, or an array of them"
        raise reader.refusal(("type",), f"{shown(name)}: {reason}")
    iri = reader.expand(name)
    if ":" in iri and iri != NULL:
        return iri
    raise reader.refusal(("type",), f"{shown(name)} cannot be the type of an entity")


def _read_scopes(reader: Reader, members: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "scope" not in members:
        return None
    given = members["scope"]
    if given == NULL and reader.nulls:
        return ()
    scopes = given if type(given) is list else [given]
    for scope in scopes:
        if not is_scope(scope):
            raise reader.refusal(("scope",), f"{shown(scope)} is not a scope such as /Kobe/Nada")
    return tuple(dict.fromkeys(scopes))


def _read_expiry(reader: Reader, members: Mapping[str, Any]) -> str | None:
    if "expiresAt" not in members:
        return None
    expiry: str = read_date_time(reader, members["expiresAt"], (), "expiresAt")
    return expiry


def _read_attributes(reader: Reader, members: Mapping[str, Any]) -> dict[str, list[Instance]]:
    attributes: dict[str, list[Instance]] = {}
    for name, body in members.items():
        if name in _NOT_PLAIN and _is_set_aside(reader, name):
            continue
        path = (name,)
        iri = expand_name(reader, name, path)
        if iri in attributes:
            raise reader.refusal(path, f"<{iri}> is given twice, under two names")
        instances = read_attribute(reader, body, path)
        if name in GEO_ATTRIBUTES:
            for instance in instances:
                _check_kind(reader, name, instance, (name,))
        attributes[iri] = instances
    return attributes


def _is_set_aside(reader: Reader, name: str) -> bool:
    if name in _RESERVED:
        reason = "this name is reserved: no attribute of an entity can have it (clause 4.5.1)"
        raise reader.refusal((name,), reason)
    return name not in GEO_ATTRIBUTES


def _check_kind(reader: Reader, name: str, instance: Instance, path: Path) -> None:
    if name not in GEO_ATTRIBUTES or is_deletion(instance):
        return
    kind = instance.get("type", GEO_PROPERTY)
    if kind != GEO_PROPERTY:
        reason = (
            f"'{name}' is a GeoProperty (clause 4.7.1), not a {kind}: its \"type\" is"
            ' "GeoProperty", its value a GeoJSON geometry'
        )
        raise reader.refusal(path, reason)
