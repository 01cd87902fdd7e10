"""Attributes as clients write them: normalized, concise or simplified (clauses 4.5.2 to 4.5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.model.attributes import (
    GEO_PROPERTY,
    JSON_PROPERTY,
    KIND_OF_MEMBER,
    LANGUAGE_PROPERTY,
    PROOF,
    PROPERTY,
    RESERVED_MEMBERS,
    VALUE_MEMBER,
    VOCAB_PROPERTY,
)
from broker.model.entity import NULL, Instance
from broker.model.fragment import deletion
from broker.model.geometry import geometry_flaw, is_geometry_type, looks_like_geometry
from broker.model.languages import NO_LANGUAGE
from broker.model.names import is_term, is_uri
from broker.representations.members import (
    IGNORED,
    READERS_OF,
    READERS_OF_PROOF,
    READERS_OF_UNTYPED,
    MemberReader,
)
from broker.representations.reader import DEEPEST_ATTRIBUTE, Path, Reader, shown
from broker.representations.values import read_value

_NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
_EARLIER_NAMES: Mapping[str, str] = {"VocabularyProperty": VOCAB_PROPERTY}
"""Types of attributes as the Core @context of version 1.7 has them, which clients still send."""

_WHOLE_VALUE = ""
_SCALARS = frozenset({str, int, float, bool})
_BESIDE_THE_VALUE = frozenset({"datasetId", "observedAt", "unitCode", "valueType", "objectType"})
_SIMPLIFIED_MEMBERS: Mapping[str, str] = {
    "languageMap": LANGUAGE_PROPERTY,
    "vocab": VOCAB_PROPERTY,
    "json": JSON_PROPERTY,
}


def read_attribute(reader: Reader, body: Any, path: Path, depth: int = 0) -> list[Instance]:
    """Return the instances of one attribute or sub-attribute; `path` ends with its name.

    Raises BadRequestData.
    """
    if reader.payload.simplified:
        return _read_simplified(reader, body, path)
    if type(body) is dict:
        if len(body) == 2 and body.get("type") == PROPERTY and path[-1] != PROOF:
            value = body.get("value")
            if type(value) in _SCALARS and value != NULL:
                return [body]  # it is stored as it was written
        return [read_instance(reader, body, path, depth)]
    if type(body) is list and _is_several(body):
        return read_instances(reader, body, path, depth)
    return [_read_bare(reader, body, path)]


def expand_name(reader: Reader, name: str, path: Path) -> str:
    """Return the IRI of the attribute called `name`, which `path` leads to (clause 4.6.2)."""
    if not is_term(name, reader.terms):
        reason = (
            "this is no name: it has to begin with a letter and to go on with letters, digits and"
            " '_' (optionally after a prefix and ':'), to be an IRI, or a term with hyphens the"
            " @context defines"
        )
        raise reader.refusal(path, reason)
    return reader.expand(name)


def read_instance(reader: Reader, body: Any, path: Path, depth: int = 0) -> Instance:
    """Return one attribute instance from its normalized or concise form.

    In a fragment the type is left out where it is that of the attribute changed, and an instance
    to delete is returned as `broker.model.fragment.deletion` says. Raises BadRequestData.
    """
    if type(body) is not dict:
        raise reader.refusal(path, f"expected an object, found {shown(body)}")
    declared = body.get("type")
    readers = READERS_OF.get(declared) if type(declared) is str else None
    if readers is None:
        declared = _infer_type(reader, body, path)
        if declared == _WHOLE_VALUE:
            return _read_bare(reader, body, path)
        readers = READERS_OF_UNTYPED if declared is None else READERS_OF[declared]
    if _is_proof(reader, path):
        readers = _proof_readers(reader, declared, path)
    instance: Instance = {} if declared is None else {"type": declared}
    _read_members(reader, body, readers, instance, path, depth)
    return _with_value(reader, instance, path)


def _is_proof(reader: Reader, path: Path) -> bool:
    keys = path[:-1] if path and type(path[-1]) is int else path
    return (keys[-1] if keys else reader.attribute) == PROOF


def _read_members(
    reader: Reader,
    body: Mapping[str, Any],
    readers: Mapping[str, MemberReader],
    instance: Instance,
    path: Path,
    depth: int,
) -> None:
    for name, member in body.items():
        read = readers.get(name)
        if read is not None:
            value = read(reader, member, path, name)
            if value is not IGNORED:
                instance[name] = value
            continue
        iri = expand_name(reader, name, (*path, name))
        if iri in instance:
            raise reader.refusal((*path, name), f"<{iri}> is given twice, under two names")
        if depth >= DEEPEST_ATTRIBUTE:
            reason = f"attributes nested deeper than {DEEPEST_ATTRIBUTE} levels"
            raise reader.refusal((*path, name), reason)
        instance[iri] = read_attribute(reader, member, (*path, name), depth + 1)


def _with_value(reader: Reader, instance: Instance, path: Path) -> Instance:
    """Return the instance, or the deletion it stands for; refuse it where the value is missing."""
    kind = instance.get("type")
    value = instance.get("value" if kind is None else VALUE_MEMBER[kind], IGNORED)
    if reader.nulls and value == NULL:
        return deletion(instance.get("datasetId"))
    if value is IGNORED and not reader.payload.partial:
        raise reader.refusal(path, f"a {kind} needs the member '{VALUE_MEMBER[kind or PROPERTY]}'")
    return instance


def reads_as_value(body: Any) -> bool:
    """Return whether a concise attribute is taken for the value of a Property as it stands."""
    if type(body) is list:
        return not _is_several(body)
    if type(body) is not dict:
        return True
    if "@value" in body:
        return True
    if "type" in body or "@type" in body or not KIND_OF_MEMBER.keys().isdisjoint(body):
        return False
    return not body or not RESERVED_MEMBERS.issuperset(body)


def _infer_type(reader: Reader, body: Mapping[str, Any], path: Path) -> str | None:
    """Return the type of an attribute that does not name one of the eight (clause 4.5.2.3).

    _WHOLE_VALUE says that the body itself is the value, None that the type is that of the
    attribute to be changed.
    """
    if "@value" in body:  # a JSON-LD typed value
        return _WHOLE_VALUE
    if "type" in body or "@type" in body:
        return _named_type(reader, body.get("type", body.get("@type")), body, path)
    found = [member for member in KIND_OF_MEMBER if member in body]
    if len(found) > 1:
        raise reader.refusal(path, f"has both '{found[0]}' and '{found[1]}': which is its value?")
    if not found:
        return _type_without_value(reader, body, path)
    if found != ["value"]:
        return KIND_OF_MEMBER[found[0]]
    if reader.payload.partial:
        return None
    return GEO_PROPERTY if looks_like_geometry(body["value"]) else PROPERTY


def _named_type(reader: Reader, declared: Any, body: Mapping[str, Any], path: Path) -> str:
    if is_geometry_type(declared) and "coordinates" in body:
        return _WHOLE_VALUE
    kind = _kind_called(declared)
    if kind is not None:
        return kind
    raise reader.refusal(
        (*path, "type"),
        f"{shown(declared)} is not a type of attribute: it is one of {', '.join(VALUE_MEMBER)}"
        ' (a value with a member "type" of its own goes into "value")',
    )


def _kind_called(name: Any) -> str | None:
    """Return the type of attribute with a name, an IRI, or the name it had in earlier versions."""
    if type(name) is not str:
        return None
    local = name.removeprefix("ngsi-ld:").removeprefix(_NGSI_LD)
    local = _EARLIER_NAMES.get(local, local)
    return local if local in VALUE_MEMBER else None


def _type_without_value(reader: Reader, body: Mapping[str, Any], path: Path) -> str | None:
    if not body or not RESERVED_MEMBERS.issuperset(body):
        # in an instance a partial update is about, unknown members can only be sub-attributes
        is_instance = not path or (len(path) == 1 and type(path[0]) is int)
        is_body = reader.payload.partial and reader.attribute and is_instance
        return None if is_body or _is_of_members(reader, body) else _WHOLE_VALUE
    if reader.payload.partial:
        return None
    raise reader.refusal(path, "has no value: add 'value' (or 'object', 'languageMap', ...)")


def _is_of_members(reader: Reader, body: Mapping[str, Any]) -> bool:
    """Return whether a merge is about members of an attribute, its value staying (5.5.12).

    It is where one of them is a member only attributes have, or where all are attributes that name
    their type, or are deleted; an object of anything else is the concise value.
    """
    if not reader.payload.nulls_in_values or reader.payload.simplified:
        return False
    if not _BESIDE_THE_VALUE.isdisjoint(body):
        return True
    others = [member for name, member in body.items() if name not in RESERVED_MEMBERS]
    kept = [member for member in others if member != NULL]
    return bool(kept) and all(type(one) is dict and _names_its_type(one) for one in kept)


def _names_its_type(body: Mapping[str, Any]) -> bool:
    return _kind_called(body.get("type")) is not None


def _proof_readers(reader: Reader, declared: str | None, path: Path) -> Mapping[str, MemberReader]:
    if declared not in (PROPERTY, None):
        raise reader.refusal((*path, "type"), "a proof is a Property (clause 4.5.2.2)")
    return READERS_OF_PROOF


def _read_bare(reader: Reader, body: Any, path: Path) -> Instance:
    """Return the instance a concise value stands for, the value being all there is (4.5.2.3)."""
    if body == NULL and reader.nulls:
        return deletion()
    value = read_value(reader, body, path[:-1], path[-1] if path else "value")
    if not looks_like_geometry(body):
        return {"value": value} if reader.payload.partial else {"type": PROPERTY, "value": value}
    if reader.payload.simplified:
        return {"value": value}
    flaw = geometry_flaw(body)
    if flaw is not None:
        raise reader.refusal((*path, *flaw.place), flaw.reason)
    return {"type": GEO_PROPERTY, "value": value}


def _is_several(body: list[Any]) -> bool:
    """Return whether an array is several instances of an attribute, rather than one value."""
    return all(type(item) is dict for item in body) and any(map(_is_instance, body))


def _is_instance(item: Mapping[str, Any]) -> bool:
    kind = item.get("type")
    if type(kind) is str:
        return _kind_called(kind) is not None
    return "datasetId" in item or not KIND_OF_MEMBER.keys().isdisjoint(item)


def read_instances(reader: Reader, body: list[Any], path: Path, depth: int = 0) -> list[Instance]:
    """Return several instances, told apart by their datasetId (clause 4.5.5)."""
    instances: list[Instance] = []
    seen: set[str | None] = set()
    for index, item in enumerate(body):
        instance = read_instance(reader, item, (*path, index), depth)
        dataset_id = instance.get("datasetId")
        if dataset_id in seen:
            what = "the default instance" if dataset_id is None else f"datasetId {dataset_id}"
            raise reader.refusal((*path, index), f"{what} is given twice (clause 4.5.5)")
        seen.add(dataset_id)
        instances.append(instance)
    return instances


def _read_simplified(reader: Reader, body: Any, path: Path) -> list[Instance]:
    if type(body) is dict and body.keys() == {"dataset"} and type(body["dataset"]) is dict:
        return [
            _read_dataset(reader, dataset_id, value, path)
            for dataset_id, value in body["dataset"].items()
        ]
    return [_read_simplified_value(reader, body, path)]


def _read_dataset(reader: Reader, dataset_id: str, value: Any, path: Path) -> Instance:
    path = (*path, "dataset", dataset_id)
    instance = _read_simplified_value(reader, value, path)
    if dataset_id == NO_LANGUAGE:
        return instance
    if not is_uri(dataset_id) or dataset_id == NULL:
        raise reader.refusal(path, f"{shown(dataset_id)} is not a URI (nor '@none')")
    return {**instance, "datasetId": dataset_id}


def _read_simplified_value(reader: Reader, body: Any, path: Path) -> Instance:
    if type(body) is dict and len(body) == 1:
        member = next(iter(body))
        kind = _SIMPLIFIED_MEMBERS.get(member)
        if kind is not None:
            value = READERS_OF[kind][member](reader, body[member], path, member)
            return deletion() if value == NULL else {"type": kind, member: value}
    return _read_bare(reader, body, path)
