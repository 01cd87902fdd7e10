"""The attributes of a group or device, read from its document.

Everything here raises `WrongSyntax`, with the place of what is wrong, for what cannot be used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.mqtt.expressions import Expression, InvalidExpression, compile_expression
from adapters.mqtt.links import DEFAULT_NAME, Link
from adapters.mqtt.names import RESERVED
from adapters.mqtt.profile import AttributeMapping, Metadata, StaticAttribute
from adapters.mqtt.provisioning_errors import WrongSyntax

_NAME = re.compile(r"[^\W\d_](\w)*(:[^\W\d_]\w*)?")
"""Names of attributes and types the standard allows (clause 4.6.2)."""

_IGNORED_NAMES = frozenset({"id", "type"})
"""Names of attributes the IoT Agents ignore, and so do we."""

NAME_RULE = "a name begins with a letter and has letters, digits and _ (one prefix: is allowed)"


def read_mappings(*documents: Mapping[str, Any]) -> tuple[AttributeMapping, ...]:
    """Read the attributes; those of a later document replace those of the same source and name."""
    found: dict[tuple[Any, ...], AttributeMapping] = {}
    for document in documents:
        for index, item in enumerate(document.get("attributes") or ()):
            mapping = _mapping(item, f"attributes[{index}]")
            if mapping is not None:
                source = mapping.object_id or mapping.name
                found[source, mapping.name, mapping.entity_name] = mapping
    return tuple(found.values())


def _mapping(item: Any, place: str) -> AttributeMapping | None:
    name = _name_of(item, place)
    if name in _IGNORED_NAMES:
        return None
    entity_name = item.get("entity_name")
    return AttributeMapping(
        name=name,
        type=item.get("type"),
        object_id=item.get("object_id"),
        expression=optional_expression(item, "expression", place + "."),
        skip_value=item.get("skipValue"),
        metadata=_metadata(item.get("metadata"), place),
        entity_name=entity_name,
        entity_name_expression=_lenient_expression(entity_name),
        entity_type=item.get("entity_type"),
    )


def read_statics(*documents: Mapping[str, Any]) -> tuple[StaticAttribute, ...]:
    """Read the attributes of fixed value; a later document's replace those of the same name."""
    found: dict[str, StaticAttribute] = {}
    for document in documents:
        for index, item in enumerate(document.get("static_attributes") or ()):
            place = f"static_attributes[{index}]"
            name = _name_of(item, place)
            if "value" not in item:
                raise WrongSyntax(f"{place} ({name}) has no value")
            if name not in _IGNORED_NAMES:
                found[name] = StaticAttribute(
                    name,
                    item.get("type"),
                    item["value"],
                    _metadata(item.get("metadata"), place),
                    _link(item.get("link"), f"{place}.link"),
                )
    return tuple(found.values())


def _link(document: Any, place: str) -> Link | None:
    if document is None:
        return None
    names = document.get("attributes") if isinstance(document, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise WrongSyntax(f"{place} should be an object with attributes, an array of names")
    name, kind = document.get("name", DEFAULT_NAME), document.get("type")
    for member, value in (("name", name), ("type", kind)):
        if value is not None and not is_name(value):
            raise WrongSyntax(f"{place}.{member} is {value!r}: {NAME_RULE}")
    return Link(tuple(names), name or DEFAULT_NAME, kind)


def _name_of(item: Any, place: str) -> str:
    if not isinstance(item, Mapping):
        raise WrongSyntax(f"{place} should be an object with name and type")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise WrongSyntax(f"{place} has no name")
    if name not in _IGNORED_NAMES and (not is_name(name) or name in RESERVED):
        rule = "NGSI-LD keeps this name for itself" if name in RESERVED else NAME_RULE
        raise WrongSyntax(f"{place}.name is {name!r}: {rule}")
    for member in ("type", "object_id", "expression", "entity_name", "entity_type"):
        if item.get(member) is not None and not isinstance(item[member], str):
            raise WrongSyntax(f"{place}.{member} should be a text")
    return name


def _metadata(document: Any, place: str) -> tuple[Metadata, ...]:
    if document is None:
        return ()
    if not isinstance(document, Mapping):
        raise WrongSyntax(f"{place}.metadata should be an object")
    found = []
    for name, item in document.items():
        if not is_name(name):
            raise WrongSyntax(f"{place}.metadata has the name {name!r}: {NAME_RULE}")
        if not isinstance(item, Mapping):
            found.append(Metadata(name, None, item))
            continue
        expression = optional_expression(item, "expression", f"{place}.metadata.{name}.")
        found.append(Metadata(name, item.get("type"), item.get("value"), expression))
    return tuple(found)


def optional_expression(
    document: Mapping[str, Any], member: str, place: str = ""
) -> Expression | None:
    """Return the expression a member holds, None for none. `place` goes before its name."""
    text = document.get(member)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise WrongSyntax(f"{place}{member} should be a text")
    try:
        return compile_expression(text)
    except InvalidExpression as error:
        raise WrongSyntax(f"{place}{member} {text!r} cannot be used: {error}") from error


def _lenient_expression(text: str | None) -> Expression | None:
    """Read a name that may be an expression: most are plain names, which do not parse."""
    try:
        return compile_expression(text) if text else None
    except InvalidExpression:
        return None


def is_name(value: Any) -> bool:
    """Return whether something can be the name of an attribute or a type; see `NAME_RULE`."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
