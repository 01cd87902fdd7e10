"""JSON values inside attributes: what may stand in them (clauses 4.5.0, 5.2.1, 5.5.4)."""

from __future__ import annotations

from typing import Any

from broker.model.attributes import PROOF
from broker.model.entity import NULL
from broker.representations.reader import DEEPEST_VALUE, Path, Reader

_PLAIN = frozenset({int, float, bool})
_NO_JSON_NULL = (
    "null is not a value in NGSI-LD: leave the member out"
    ' (or write {"@type": "@json", "@value": null} to store a JSON null)'
)
_NO_NULL = f"{NULL} is not allowed here: it only deletes, in update, partial update and merge"
_NO_CONTEXT = (
    "a value has no @context of its own (clause 5.5.7): put it at the top of the document,"
    " or send this as a JsonProperty, which nobody interprets"
)
_NO_NULL_INSIDE = f"{NULL} only deletes inside a value, outside arrays, when the entity is merged"


def read_value(reader: Reader, value: Any, path: Path, name: str | int) -> Any:
    """Return a JSON value as it is, or NULL where the payload may delete (clause 5.5.4)."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is str:
        if value == NULL and not reader.nulls:
            raise reader.refusal((*path, name), _NO_NULL)
        return value
    if value is None:
        raise reader.refusal((*path, name), _NO_JSON_NULL)
    check_inside(reader, value, (*path, name))
    return value


def read_json(reader: Reader, value: Any, path: Path, name: str | int) -> Any:
    """Return the raw JSON of a JsonProperty: an object or array, nothing in it interpreted."""
    if type(value) is dict or type(value) is list:
        _check_depth(reader, value, (*path, name), DEEPEST_VALUE)
        return value
    if value == NULL and reader.nulls:
        return value
    raise reader.refusal((*path, name), "the raw JSON of a JsonProperty is an object or an array")


def check_inside(reader: Reader, container: Any, path: Path) -> None:
    """Refuse JSON nulls, NGSI-LD Nulls, an @context and too deep a nesting within a container.

    A merge lets the NGSI-LD Null delete members of objects, but not within arrays: those are
    replaced as a whole (RFC 7396), so it would stay there. Of proofs an @context is a part, as the
    suites of W3C Data Integrity define them.
    """
    nulls = reader.payload.nulls_in_values
    _check_inside(reader, container, path, DEEPEST_VALUE, nulls=nulls)


def _check_inside(reader: Reader, container: Any, path: Path, depth: int, *, nulls: bool) -> None:
    if depth == 0:
        raise reader.refusal(path, f"nested deeper than {DEEPEST_VALUE} levels")
    if type(container) is list:
        _check_array(reader, container, path, depth)
    elif container.get("@type") == "@json":
        _check_depth(reader, container, path, depth)
    else:
        _check_object(reader, container, path, depth, nulls=nulls)


def _check_object(reader: Reader, members: Any, path: Path, depth: int, *, nulls: bool) -> None:
    if "@context" in members and PROOF not in path and reader.attribute != PROOF:
        raise reader.refusal((*path, "@context"), _NO_CONTEXT)
    for key, item in members.items():
        if type(item) in _PLAIN:
            continue
        if type(item) is dict or type(item) is list:
            _check_inside(reader, item, (*path, key), depth - 1, nulls=nulls)
        elif item is None:
            raise reader.refusal((*path, key), _NO_JSON_NULL)
        elif item == NULL and not nulls:
            raise reader.refusal((*path, key), _NO_NULL_INSIDE)


def _check_array(reader: Reader, items: Any, path: Path, depth: int) -> None:
    for index, item in enumerate(items):
        if type(item) in _PLAIN:
            continue
        if type(item) is dict or type(item) is list:
            _check_inside(reader, item, (*path, index), depth - 1, nulls=False)
        elif item is None:
            raise reader.refusal((*path, index), _NO_JSON_NULL)
        elif item == NULL:
            raise reader.refusal((*path, index), f"{NULL} cannot be an element of an array")


def _check_depth(reader: Reader, container: Any, path: Path, depth: int) -> None:
    if depth == 0:
        raise reader.refusal(path, f"nested deeper than {DEEPEST_VALUE} levels")
    for item in container.values() if type(container) is dict else container:
        if type(item) is dict or type(item) is list:
            _check_depth(reader, item, path, depth - 1)
