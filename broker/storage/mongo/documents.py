"""The stored shape of entities and changes, and nothing else knows it.

`docs/architecture.md` draws the documents. Two things make the shape: names that are IRIs contain
characters MongoDB reads as paths, so they are escaped; and some values need a form that compares
(date-times, geometries), so derived members stand beside what the client gave. What the client
gave comes back exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from broker.model.changes import AttributeChange, Change
from broker.model.datetimes import canonical_time, comparable_text
from broker.model.entity import Entity, Instance
from broker.model.expiry import earliest_expiry, ever_expire
from broker.query.geometries import indexable_geometry
from broker.storage.mongo.comparable import add_comparable, remove_comparable

Document = dict[str, Any]
Encoded = dict[int, Document]
"""Documents of instances and of changes of attributes by `id()`, for as long as these live: an
instance is encoded once for both its entity and the record of its change, and one that several
entities share once for all of them."""

NO_STATE = "#"
"""What the last part of a record's name begins with where it tells of no state before."""

_ESCAPES = {"%": "%25", ".": "%2E", "$": "%24", "\0": "%00"}
_BIG_INTEGER = "%int"
_PLAIN = frozenset(
    {"type", "value", "unitCode", "datasetId", "valueType", "createdAt", "modifiedAt", "expiresAt"}
)
_NUMBERS = frozenset({float, int, bool})
_UNCHANGED = frozenset({str, float, bool})
_INT64 = range(-(2**63), 2**63)


@lru_cache(maxsize=16_384)
def escape(name: str) -> str:
    """Return a member name as it is stored."""
    for character, escaped in _ESCAPES.items():
        name = name.replace(character, escaped)
    return name


@lru_cache(maxsize=16_384)
def unescape(name: str) -> str:
    """Return the member name that `escape` made this of."""
    if "%" not in name:
        return name
    for character, escaped in reversed(_ESCAPES.items()):
        name = name.replace(escaped, character)
    return name


# ------------------------------------------------------------------------------------ encoding


def encode_entity(entity: Entity, encoded: Encoded | None = None) -> Document:
    """Return the document of an entity."""
    encoded = {} if encoded is None else encoded
    document: Document = {
        "_id": entity.id,
        "v": entity.version,
        "t": list(entity.types),
        "c": entity.created_at,
        "m": entity.modified_at,
        "n": list(entity.attributes),
        "a": {
            escape(name): _encode_all(instances, encoded)
            for name, instances in entity.attributes.items()
        },
    }
    if entity.scopes:
        document["s"] = list(entity.scopes)
    _add_expiry(document, entity)
    return document


def encode_update(
    before: Entity, after: Entity, touched: Collection[str], encoded: Encoded | None = None
) -> Document:
    """Return the update that makes the document of `after` from that of `before`.

    `touched` names the attributes that may differ. What did not change is not written, so indexes
    on it are not either: this is twice as fast as replacing the document.
    """
    encoded = {} if encoded is None else encoded
    put: Document = {"v": after.version, "m": after.modified_at}
    drop: Document = {}
    for name in touched:
        if name in after.attributes:
            put["a." + escape(name)] = _encode_all(after.attributes[name], encoded)
        elif name in before.attributes:
            drop["a." + escape(name)] = ""
    if after.attributes.keys() != before.attributes.keys():
        put["n"] = list(after.attributes)
    if after.types != before.types:
        put["t"] = list(after.types)
    if after.created_at != before.created_at:
        put["c"] = after.created_at
    if after.scopes != before.scopes:
        _update_scopes(put, drop, after)
    if _expires_otherwise(before, after, touched):
        _update_expiry(put, drop, before, after)
    return {"$set": put, "$unset": drop} if drop else {"$set": put}


def _update_scopes(put: Document, drop: Document, after: Entity) -> None:
    if after.scopes:
        put["s"] = list(after.scopes)
    else:
        drop["s"] = ""


def _expires_otherwise(before: Entity, after: Entity, touched: Iterable[str]) -> bool:
    if after.expires_at != before.expires_at:
        return True
    old, new = before.attributes, after.attributes
    concerned = [old.get(name, ()) for name in touched]
    concerned += [new.get(name, ()) for name in touched]
    return ever_expire(concerned)


def _update_expiry(put: Document, drop: Document, before: Entity, after: Entity) -> None:
    old: Document = {}
    new: Document = {}
    _add_expiry(old, before)
    _add_expiry(new, after)
    put.update(new)
    drop.update({name: "" for name in old if name not in new})


def _add_expiry(document: Document, entity: Entity) -> None:
    if entity.expires_at is not None:
        document["x"] = entity.expires_at
        document["xa"] = document["xd"] = canonical_time(entity.expires_at)
    earliest = earliest_expiry(entity.attributes)
    if earliest is not None:
        document["xa"] = min(earliest, document.get("xd") or earliest)


def encode_change(
    change: Change,
    group: bytes,
    encoded: Encoded | None = None,
    *,
    base: Entity | None = None,
    place: int = 0,
) -> Document:
    """Return the record of a change for the `changes` collection.

    `group` stands for the attempt to write it and what belongs to it, `place` for the record among
    these. The record is named for entity and version, so that it needs no index for these, and for
    `base`, the stored state the change goes on from, so that only one can. If there is none, it is
    named for its group and place.
    """
    encoded = {} if encoded is None else encoded
    before = f"{NO_STATE}{group.hex()}{place}" if base is None else base.created_at
    document: Document = {
        "_id": f"{change.entity_id} {change.version:010d} {before}",
        "g": group,
        "e": change.entity_id,
        "v": change.version,
        "t": list(change.types),
        "k": change.kind,
        "at": change.at,
        "a": {
            escape(name): encoded.get(id(attribute)) or _encode_attribute(attribute, encoded)
            for name, attribute in change.attributes.items()
        },
    }
    if change.types_before is not None:
        document["tb"] = list(change.types_before)
    if change.scopes is not None:
        document["s"] = list(change.scopes)
        document["sb"] = list(change.scopes_before or ())
    if change.expires_at is not None:
        document["x"] = change.expires_at
    return document


def records_between(entity_id: str, first: int, last: int | None = None) -> Document:
    """Return the condition for the records of an entity's changes, from version to version."""
    end = entity_id if last is None else f"{entity_id} {last:010d}"
    return {"_id": {"$gte": f"{entity_id} {first:010d}", "$lt": end + "!"}}  # after the space


def _encode_attribute(attribute: AttributeChange, encoded: Encoded) -> Document:
    document = encoded[id(attribute)] = {
        "b": _encode_each(attribute.before, encoded) if attribute.before else [],
        "a": _encode_each(attribute.after, encoded) if attribute.after else [],
    }
    return document


def encode_instances(instances: list[Instance]) -> Document | list[Document]:
    """Return the stored form of an attribute: a single instance stands for itself."""
    if len(instances) == 1:
        return _encode_instance(instances[0])
    return [_encode_instance(instance) for instance in instances]


def _encode_all(instances: list[Instance], encoded: Encoded) -> Document | list[Document]:
    if len(instances) == 1:
        return _encode_once(instances[0], encoded)
    return _encode_each(instances, encoded)


def _encode_each(instances: list[Instance], encoded: Encoded) -> list[Document]:
    if len(instances) == 1:
        document = _encode_once(instances[0], encoded)
        return instances if document is instances[0] else [document]
    return [_encode_once(instance, encoded) for instance in instances]


def _encode_once(instance: Instance, encoded: Encoded) -> Document:
    document = encoded.get(id(instance))
    if document is None:
        document = encoded[id(instance)] = _encode_instance(instance)
    return document


def _encode_instance(instance: Instance) -> Document:
    if _is_stored_as_it_is(instance):
        return instance
    document: Document = {}
    for key, value in instance.items():
        if ":" in key:
            document[escape(key)] = encode_instances(value)
        elif type(value) in _UNCHANGED:
            document[key] = value
        else:
            document[key] = encode_value(value)
    _add_derived(document, instance)
    return document


def _is_stored_as_it_is(instance: Instance) -> bool:
    if instance["type"] != "Property" or not _PLAIN.issuperset(instance):
        return False
    value = instance.get("value")
    if type(value) is str:
        return comparable_text(value) is None
    return type(value) in _NUMBERS and (type(value) is not int or value in _INT64)


def _add_derived(document: Document, instance: Instance) -> None:
    add_comparable(document)
    if document["type"] == "GeoProperty" and type(value := instance.get("value")) is dict:
        geometry = indexable_geometry(value)
        if geometry is not None:
            document["~g"] = geometry
    observed_at = instance.get("observedAt")
    if observed_at is not None:
        document["~o"] = canonical_time(observed_at)


def encode_value(value: Any) -> Any:
    """Return a JSON value as it is stored: keys escaped, integers beyond 64 bits as text."""
    kind = type(value)
    if kind is dict:
        return {
            escape(key): member if type(member) in _UNCHANGED else encode_value(member)
            for key, member in value.items()
        }
    if kind is list:
        return [member if type(member) in _UNCHANGED else encode_value(member) for member in value]
    if kind is int and value not in _INT64:
        return {_BIG_INTEGER: str(value)}
    return value


# ------------------------------------------------------------------------------------ decoding


def decode_entity(document: Document) -> Entity:
    """Return the entity of a stored document, which is the entity's from then on."""
    return Entity(
        id=document["_id"],
        types=tuple(document["t"]),
        attributes={unescape(key): decode_instances(value) for key, value in document["a"].items()},
        scopes=tuple(document.get("s", ())),
        created_at=document["c"],
        modified_at=document["m"],
        expires_at=document.get("x"),
        version=document["v"],
    )


def decode_instances(value: Document | list[Document]) -> list[Instance]:
    """Return the instances of a stored attribute."""
    if type(value) is list:
        return [_decode_instance(instance) for instance in value]
    return [_decode_instance(value)]  # type: ignore[arg-type]


def _decode_instance(document: Document) -> Instance:
    if document.keys() <= _PLAIN and document["type"] == "Property":
        kind = type(document["value"])
        if kind is not dict and kind is not list:
            return document  # it is stored as it is
    instance: Instance = {}
    for key, value in document.items():
        kind = type(value)
        if ":" in key:
            instance[unescape(key)] = decode_instances(value)
        elif kind is dict or kind is list:
            if key[0] != "~":
                instance[key] = decode_value(value)
        elif key[0] != "~":
            instance[key] = value
    remove_comparable(instance)
    return instance


def decode_value(value: Any) -> Any:
    """Return the JSON value that `encode_value` was given."""
    kind = type(value)
    if kind is dict:
        if _BIG_INTEGER in value:
            return int(value[_BIG_INTEGER])
        return {unescape(key): decode_value(member) for key, member in value.items()}
    if kind is list:
        return [decode_value(member) for member in value]
    return value


def decode_change(document: Document) -> Change:
    """Return a record of the `changes` collection."""
    return Change(
        entity_id=document["e"],
        types=tuple(document["t"]),
        version=document["v"],
        kind=document["k"],
        at=document["at"],
        attributes={
            unescape(key): AttributeChange(
                before=[_decode_instance(instance) for instance in attribute["b"]],
                after=[_decode_instance(instance) for instance in attribute["a"]],
            )
            for key, attribute in document["a"].items()
        },
        types_before=_optional_tuple(document.get("tb")),
        scopes=_optional_tuple(document.get("s")),
        scopes_before=_optional_tuple(document.get("sb")),
        expires_at=document.get("x"),
    )


def _optional_tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
